/** Commits until a write fails with EFBIG (RLIMIT_FSIZE): no full disk, but an error that must stop no writer. */
import { openSqliteStore } from '../../../src/store/sqlite.ts';
import { StoreError } from '../../../src/store/store.ts';
import { creation, operations, version } from '../secrets.ts';

const [path = ''] = process.argv.slice(2);
const fatal: string[] = [];
const store = await openSqliteStore({ path, create: true, onFatal: error => fatal.push(error.message) });
const next = operations();
const sealed = new Uint8Array(20_000).fill(9);

async function failureOf(name: string): Promise<string | null> {
  try {
    await store.commit([{ ...creation(name), versions: [version(name, { sealed })] }], next());
    return null;
  } catch (error) {
    return error instanceof StoreError ? error.failure : String(error);
  }
}

let failure: string | null = null;
for (let index = 0; failure === null && index < 1000; index += 1) failure = await failureOf(`n${index}`);
const later = await failureOf('later');
await store.close();
process.stdout.write(JSON.stringify({ failure, later, fatal }));
