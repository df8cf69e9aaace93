/** On a small disk that holds the file `ballast`: commits until it is full, makes room, and commits again. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSqliteStore } from '../../../src/store/sqlite.ts';
import type { Store } from '../../../src/store/store.ts';
import { StoreError } from '../../../src/store/store.ts';
import { creation, operations, version } from '../secrets.ts';

const [folder = ''] = process.argv.slice(2);
const ballast = join(folder, 'ballast');
writeFileSync(ballast, new Uint8Array(1_000_000));

let fatal: string | null = null;
const open = (create: boolean): Promise<Store> =>
  openSqliteStore({
    path: join(folder, 'vault.db'),
    create,
    onFatal: error => {
      fatal = error.message;
    },
  });

const store = await open(true);
const next = operations();
const sealed = new Uint8Array(20_000).fill(9);
const acknowledged: string[] = [];

async function commit(name: string): Promise<string | null> {
  try {
    await store.commit([{ ...creation(name), versions: [version(name, { sealed })] }], next());
    acknowledged.push(name);
    return null;
  } catch (error) {
    return error instanceof StoreError ? error.failure : String(error);
  }
}

async function outcome(work: Promise<void>): Promise<string | null> {
  return work.then(
    () => null,
    error => (error instanceof StoreError ? error.failure : String(error)),
  );
}

let refusal: string | null = null;
for (let index = 0; refusal === null && index < 1000; index += 1) refusal = await commit(`before/${index}`);
const before = acknowledged.length;
const refusedAgain = await commit('refused');
const readable = (await store.get('before/0')) !== null;
const countWhenFull = store.count();
rmSync(ballast);
const afterwards = await commit('afterwards');
const check = await outcome(store.check());
await store.close();

const reopened = await open(false);
const found = await Promise.all(acknowledged.map(async name => (await reopened.get(name)) !== null));
const result = {
  refusal,
  refusedAgain,
  readable,
  countMatches: countWhenFull === before && reopened.count() === before + 1,
  afterwards,
  check,
  allFound: found.every(Boolean),
  refusedAbsent: (await reopened.get('refused')) === null,
  fatal,
};
await reopened.close();
process.stdout.write(JSON.stringify(result));
