import { readFileSync } from 'node:fs';
import t from 'tap';
import { catalogue } from '../../telemetry/catalogue.ts';
import { guideWithMetrics, metricsDocument } from '../../tools/metrics-docs.ts';

t.test('docs/metrics.md is built from the catalogue as it is now', async t => {
  t.equal(readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8'), metricsDocument());
});

t.test('the list in DEPLOYMENT_GUIDE.md is that of the catalogue, too', async t => {
  const guide = readFileSync(new URL('../../DEPLOYMENT_GUIDE.md', import.meta.url), 'utf8');
  t.equal(guide, guideWithMetrics(guide));
  for (const { name } of catalogue) t.match(guide, `\n| \`${name}\` | `);
  t.throws(() => guideWithMetrics('no place'), /lacks/);
});

t.test('it names every metric once', async t => {
  const rows = metricsDocument().match(/^\| `\w+`/gm) ?? [];
  t.same(
    rows.map(row => row.slice('| `'.length, -1)),
    catalogue.map(({ name }) => name),
  );
});
