/** Commits while calls on a file of the vault fail as the arguments say, and when they succeed again; prints what became of it. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSqliteStore } from '../../../src/store/sqlite.ts';
import { StoreError } from '../../../src/store/store.ts';
import { creation, operations } from '../secrets.ts';

const [folder = '', control = '', fault = ''] = process.argv.slice(2);
const path = join(folder, 'vault.db');
let fatal: string | null = null;
const open = (create: boolean) =>
  openSqliteStore({
    path,
    create,
    onFatal: error => {
      fatal = error.message;
    },
  });
const next = operations();

function outcome(work: Promise<void>): Promise<string | null> {
  return work.then(
    () => null,
    error => (error instanceof StoreError ? error.failure : String(error)),
  );
}

const store = await open(true);
await store.commit([creation('before')], next());
writeFileSync(control, fault);
const refused = await Promise.all(
  ['refused/1', 'refused/2'].map(name => outcome(store.commit([creation(name)], next()))),
);
const notReady = await outcome(store.check());
const readable = store.get('before') !== null;
rmSync(control);
const afterwards = await outcome(store.commit([creation('afterwards')], next()));
const ready = await outcome(store.check());
await store.close();

const reopened = await open(false);
const found = ['before', 'refused/1', 'refused/2', 'afterwards'].filter(name => reopened.get(name) !== null);
await reopened.close();
process.stdout.write(JSON.stringify({ refused, notReady, readable, afterwards, ready, found, fatal }));
