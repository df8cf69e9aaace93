import { readFileSync } from 'node:fs';
import t from 'tap';
import { catalogue } from '../../telemetry/catalogue.ts';
import { metricsDocument } from '../../tools/metrics-docs.ts';

t.test('docs/metrics.md is built from the catalogue as it is now', async t => {
  t.equal(readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8'), metricsDocument());
});

t.test('it names every metric once', async t => {
  const rows = metricsDocument().match(/^\| `\w+`/gm) ?? [];
  t.same(
    rows.map(row => row.slice('| `'.length, -1)),
    catalogue.map(({ name }) => name),
  );
});
