import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { errorTable } from '../../src/errors.ts';
import { checkout } from '../helpers/service.ts';
import { sourceFiles } from './source-files.ts';

t.test('docs/API.md has each error code with its status, and no other', async t => {
  const text = readFileSync(join(checkout, 'docs/API.md'), 'utf8');
  const documented = [...text.matchAll(/^\| `([a-z_]+)` \| (\d{3}) \|/gm)].map(([, code, status]) => [
    code,
    Number(status),
  ]);
  const known = Object.entries(errorTable).map(([code, { status }]) => [code, status]);
  t.same(documented.toSorted(), known.toSorted());
});

t.test('each code is given somewhere', async t => {
  const source = sourceFiles('src')
    .filter(({ path }) => path !== 'src/errors.ts')
    .map(({ text }) => text)
    .join('\n');
  const unused = Object.keys(errorTable).filter(code => !source.includes(`'${code}'`));
  t.same(unused, ['too_many_requests'], 'rate limits come with their own issue; their code is reserved');
});
