import { DatabaseSync } from 'node:sqlite';
import { type Row, text } from './rows.ts';
import { schema, sealSchema } from './schema.ts';

const objects = "SELECT type, name, coalesce(sql, '') AS sql FROM sqlite_schema";

/**
 * What the vault's file defines and this release does not, or the other way round: a trigger or a view there would run
 * with the writer's own statements. Empty where all is as it should be.
 */
export function schemaDifferences(database: DatabaseSync): string[] {
  const expected = expectedObjects();
  const found = objectsOf(database);
  return [
    ...[...found].filter(([name, sql]) => expected.get(name) !== sql).map(([name]) => `${name} is foreign`),
    ...[...expected.keys()].filter(name => !found.has(name)).map(name => `${name} is missing`),
  ];
}

function expectedObjects(): Map<string, string> {
  const example = new DatabaseSync(':memory:');
  try {
    example.exec(schema + sealSchema);
    return objectsOf(example);
  } finally {
    example.close();
  }
}

/** By kind and name; white space in the definitions is the layout of some release's source. */
function objectsOf(database: DatabaseSync): Map<string, string> {
  const rows: Row[] = database.prepare(objects).all();
  return new Map(
    rows.map(row => [
      `the ${text(row, 'type')} ${text(row, 'name')}`,
      text(row, 'sql').replaceAll(/\s+/g, ' ').trim(),
    ]),
  );
}
