import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import t from 'tap';
import { checkout } from '../helpers/service.ts';
import { read } from './expressions.ts';

const documents = ['.', 'docs'].flatMap(folder =>
  readdirSync(join(checkout, folder))
    .filter(file => file.endsWith('.md'))
    .map(file => normalize(join(folder, file))),
);

t.test('links between documents lead to files and headings that are there', async t => {
  t.ok(documents.length > 12);
  for (const document of documents) {
    for (const [, target = ''] of read(document).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
      const [path = '', heading] = target.split('#');
      const file = path === '' ? document : join(dirname(document), path);
      t.ok(existsSync(join(checkout, file)), `${document}: ${target}`);
      if (heading === undefined || !file.endsWith('.md') || !existsSync(join(checkout, file))) continue;
      t.ok(headingsOf(file).includes(heading), `${document}: ${target}`);
    }
  }
});

/** As GitHub makes them from the text of a heading. */
function headingsOf(document: string): string[] {
  const text = read(document).replace(/^```[\s\S]*?^```$/gm, '');
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{Letter}\p{Number} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
