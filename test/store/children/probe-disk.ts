/** On a small disk: asks the store whether it can be written, with the disk full to the last byte and with room again. */
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { openSqliteStore } from '../../../src/store/sqlite.ts';
import { StoreError } from '../../../src/store/store.ts';

const [folder = ''] = process.argv.slice(2);
let fatal: string | null = null;
const store = await openSqliteStore({
  path: join(folder, 'vault.db'),
  create: true,
  onFatal: error => {
    fatal = error.message;
  },
});

function check(): Promise<string | null> {
  return store.check().then(
    () => null,
    error => (error instanceof StoreError ? error.failure : String(error)),
  );
}

const ballast = join(folder, 'ballast');
const file = openSync(ballast, 'w');
for (const size of [4096, 1]) {
  try {
    for (;;) writeSync(file, new Uint8Array(size));
  } catch {
    // That much does not fit any more.
  }
}
closeSync(file);
const full = await check();
rmSync(ballast);
const withRoom = await check();
await store.close();
process.stdout.write(JSON.stringify({ full, withRoom, fatal }));
