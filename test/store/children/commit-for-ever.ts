/** Commits pairs of secrets from sixteen clients at once and prints the number of each pair when acknowledged. */
import { openSqliteStore } from '../../../src/store/sqlite.ts';
import { creation, operations } from '../secrets.ts';

const [path = ''] = process.argv.slice(2);
const store = await openSqliteStore({ path, create: true, onFatal: () => process.exit(1) });
const next = operations();

async function client(): Promise<never> {
  for (;;) {
    const operation = next();
    const pair = operation.intentSeq;
    await store.commit([creation(`${pair}/left`), creation(`${pair}/right`)], operation);
    process.stdout.write(`${pair}\n`);
  }
}

await Promise.all(Array.from({ length: 16 }, client));
