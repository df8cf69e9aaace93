/** Holds the lock of a vault until killed, or says that it may not have it. */
import { lockVault } from '../../../src/store/lock.ts';

const [path = ''] = process.argv.slice(2);
lockVault(path);
process.stdout.write('held\n');
process.stdin.resume();
