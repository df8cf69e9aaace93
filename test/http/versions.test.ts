import t from 'tap';
import { install } from '../helpers/service.ts';
import { startInProcess } from '../helpers/service-in-process.ts';

interface Page {
  readonly versions: readonly { readonly version: number; readonly state: string }[];
  readonly next_cursor: string | null;
}

t.test('versions come page by page, oldest first', async t => {
  const service = await startInProcess(await install(t.testdir()));
  for (let version = 1; version <= 7; version++) {
    await service.request('PUT', '/secret/app/db', { value: `v${version}` });
  }
  await service.request('PUT', '/secret/app/other', { value: 'v' });
  const page = async (query: string, name = 'app/db') => {
    const answer = await service.request('GET', `/versions/${name}?${query}`);
    t.equal(answer.status, 200, query);
    return (await answer.json()) as Page;
  };
  const whole = await page('');
  t.same(
    whole.versions.map(({ version }) => version),
    [1, 2, 3, 4, 5, 6, 7],
  );
  t.equal(whole.next_cursor, null);
  for (const limit of [1, 2, 3, 6, 7]) {
    const seen: number[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const { versions, next_cursor }: Page = await page(
        `limit=${limit}${cursor === '' ? '' : `&cursor=${cursor}`}`,
      );
      t.ok(next_cursor === null || versions.length === limit, 'no page is short without need');
      seen.push(...versions.map(({ version }) => version));
      cursor = next_cursor;
    }
    t.same(seen, [1, 2, 3, 4, 5, 6, 7], `${limit} a page`);
  }
  const { next_cursor } = await page('limit=2');
  const elsewhere = await service.request('GET', `/versions/app/other?cursor=${next_cursor}`);
  t.equal(elsewhere.status, 404, 'a cursor is good for its name only');
  t.equal((await service.request('GET', '/versions/app/db?limit=1001')).status, 400);
  t.equal((await service.request('GET', '/versions/app/db?page=2')).status, 400);
  await service.stop();
});
