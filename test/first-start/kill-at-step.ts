/**
 * For Node's option --import: kills its own process right before the n-th change that it makes to files, in whichever thread. The steps are
 * counted in a file, whose size all threads see.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { DatabaseSync, StatementSync } from 'node:sqlite';

const { KILL_AT_STEP = '', STEPS_FILE = '' } = process.env;
const step = Number(KILL_AT_STEP);
const { writeSync, fstatSync } = fs;
const counter = fs.openSync(STEPS_FILE, 'a');

const changing =
  /^(open|mkdir|mkdtemp|write|writev|writeFile|appendFile|copyFile|cp|fsync|fdatasync|link|symlink|rename|unlink|rm|rmdir|chmod|fchmod|chown|fchown|truncate|ftruncate)(Sync)?$/;

function count(name: string): void {
  writeSync(counter, '.');
  if (fstatSync(counter).size !== step) return;
  writeSync(2, `killed before ${name}\n`);
  process.kill(process.pid, 'SIGKILL');
}

/** Modules are read, too, and folders are opened to be synced. */
function isReading(name: string, [, flags]: unknown[]): boolean {
  return name.startsWith('open') && (typeof flags !== 'string' || flags === 'r');
}

function wrap(owner: object, label: string, isChanging: (name: string) => boolean): void {
  for (const name of Object.getOwnPropertyNames(owner)) {
    const original: unknown = Object.getOwnPropertyDescriptor(owner, name)?.value;
    if (typeof original !== 'function' || !isChanging(name)) continue;
    Object.defineProperty(owner, name, {
      value(this: unknown, ...args: unknown[]) {
        if (!isReading(name, args)) count(label + name);
        return Reflect.apply(original, this, args);
      },
      configurable: true,
      writable: true,
    });
  }
}

const handle = await fs.promises.open(STEPS_FILE, 'r');
wrap(Object.getPrototypeOf(handle), 'FileHandle.', name =>
  /^(sync|datasync|truncate|chmod|write|writeFile)$/.test(name),
);
await handle.close();
wrap(fs, 'fs.', name => changing.test(name));
wrap(fs.promises, 'fs.promises.', name => changing.test(name));
wrap(DatabaseSync.prototype, 'DatabaseSync.', name => name === 'exec' || name === 'close');
wrap(StatementSync.prototype, 'StatementSync.', name => name === 'run');
syncBuiltinESMExports();
