import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { checkout } from '../helpers/service.ts';

t.test('every claim of the threat model names a test that exists', async t => {
  const text = readFileSync(join(checkout, 'docs/THREAT_MODEL.md'), 'utf8');
  const held = text.slice(text.indexOf('## What holds'), text.indexOf('## What does not hold'));
  const rows = [...held.matchAll(/^\| (.+) \| (.+) \|$/gm)].filter(([, claim]) => claim !== 'Claim');
  t.ok(rows.length > 25, `${rows.length} claims`);
  for (const [, claim = '', test = ''] of rows) {
    t.match(test, /^test\/.*\.test\.ts$/, claim);
    t.ok(existsSync(join(checkout, test)), `${test} exists`);
  }
});
