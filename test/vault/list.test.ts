import t from 'tap';
import type { ListRequest, Store } from '../../src/store/store.ts';
import { headerCaller, openTestVault } from './fixture.ts';

const admin = headerCaller('admin');
const policy = `clients:
  admin:
    allow: ["*"]
  reader:
    allow: ["list *"]
    deny: ["hidden/*"]
`;

/** A store whose lists lack a row at times, as when it is deleted between a name and its row. */
function hasty(store: Store): Store {
  const list = (request: ListRequest) => {
    const rows = store.list(request);
    return rows.length > 1 ? rows.slice(0, -1) : rows;
  };
  return new Proxy(store, {
    get(target, key) {
      if (key === 'list') return list;
      const member: unknown = Reflect.get(target, key);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

for (const [kind, through] of [
  ['a quiet store', (store: Store) => store],
  ['a store under change', hasty],
] as const) {
  t.test(`a list on ${kind} shows every name once, page by page, and only then ends`, async t => {
    const opened = await openTestVault({ folder: t.testdir(), policy, now: () => 1_000, through });
    const names = Array.from({ length: 7 }, (_, index) => `app/${index}`);
    const hidden = Array.from({ length: 9 }, (_, index) => `hidden/${index}`);
    for (const name of [...names, ...hidden, 'last']) {
      await opened.vault.create(admin, name, { value: 'v' });
    }
    for (const limit of [1, 3, 7, 8, 100]) {
      const listed: string[] = [];
      let cursor: string | null = null;
      do {
        const page = await opened.vault.list(headerCaller('reader'), '', limit, cursor);
        listed.push(...page.secrets.map(({ name }) => name));
        cursor = page.nextCursor;
        t.ok(cursor === null || page.secrets.length === limit, 'no page is short without need');
      } while (cursor !== null);
      t.strictSame(listed, [...names, 'last'], `${limit} a page`);
    }
    await opened.close();
  });
}
