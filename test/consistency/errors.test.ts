import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { errorTable } from '../../src/errors.ts';
import { checkout } from '../helpers/service.ts';
import { sourceFiles } from './source-files.ts';

const apiDocument = readFileSync(join(checkout, 'docs/API.md'), 'utf8');

t.test('docs/API.md has each error code with its status, and no other', async t => {
  const documented = [...apiDocument.matchAll(/^\| `([a-z_]+)` \| (\d{3}) \|/gm)].map(([, code, status]) => [
    code,
    Number(status),
  ]);
  const known = Object.entries(errorTable).map(([code, { status }]) => [code, status]);
  t.same(documented.toSorted(), known.toSorted());
});

t.test('each code is given somewhere, or documented as not given yet', async t => {
  const source = sourceFiles('src')
    .filter(({ imports }) => imports.some(({ target }) => target === 'src/errors.ts'))
    .map(({ text }) => text)
    .join('\n');
  const unused = Object.keys(errorTable).filter(code => !source.includes(`'${code}'`));
  const announced = [...apiDocument.matchAll(/^\| `([a-z_]+)` \| \d{3} \| Not given yet/gm)].map(
    ([, code]) => code,
  );
  t.same(unused, announced);
});
