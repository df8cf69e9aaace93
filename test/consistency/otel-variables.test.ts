import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type OtelVariable, otelVariables, withoutEffect } from '../../telemetry/otel-variables.ts';
import { checkout } from '../helpers/service.ts';

const text = readFileSync(join(checkout, 'docs/CONFIGURATION.md'), 'utf8');

t.test(
  'docs/CONFIGURATION.md has a row for each variable of OpenTelemetry, as the table has it, and no other',
  async t => {
    const rows = text.match(/^\| `OTEL_.*$/gm) ?? [];
    t.same(rows, otelVariables.map(row));
  },
);

t.test('docs/CONFIGURATION.md names each variable that is known to have no effect', async t => {
  const [, named = ''] = /what other languages read, and ([^.]+)\./s.exec(text) ?? [];
  t.same(
    [...named.matchAll(/`(OTEL_[A-Z_]+\*?)`/g)].map(([, name]) => name),
    withoutEffect,
  );
});

function row({ name, standard, meaning }: OtelVariable): string {
  return `| \`${name}\` | ${standard} | ${meaning} |`;
}
