import t from 'tap';
import { lossAcceptedEvent } from '../../src/audit/losses.ts';
import { acceptanceEvent } from '../../src/audit/structure.ts';
import { read } from './expressions.ts';
import { sourceFiles } from './source-files.ts';

/** How the source names the event of a record that it makes. */
const namings = [
  /\bevent: '([a-z_]+)'/g,
  /\bevent: \w+ \? '([a-z_]+)' : '[a-z_]+'/g,
  /\bevent: \w+ \? '[a-z_]+' : '([a-z_]+)'/g,
  /#append\('([a-z_]+)'/g,
  /\b(?:about|note)\(\s*caller,\s*'([a-z_]+)'/g,
];

function eventsInSource(): Set<string> {
  const events = new Set<string>([lossAcceptedEvent, acceptanceEvent]);
  for (const { text } of sourceFiles('src')) {
    for (const naming of namings) for (const [, event = ''] of text.matchAll(naming)) events.add(event);
  }
  events.delete('error');
  return events;
}

t.test('docs/AUDIT.md lists every event that the service records, and no other', async t => {
  const document = read('docs/AUDIT.md');
  const table = document.slice(
    document.indexOf('| Event | Means |'),
    document.indexOf('From `vault_accepted` on'),
  );
  const listed = [...table.matchAll(/^\| `([a-z_]+)` \|/gm)].map(([, event = '']) => event);
  t.same(listed.toSorted(), [...eventsInSource()].toSorted());
  t.ok(listed.length > 20);
});
