import { existsSync } from 'node:fs';

const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find(existsSync);

/**
 * The words that start a command which ends with this process, however this one ends: a test that is interrupted, or killed at
 * its time limit, leaves no service behind. Only Linux can do that (PR_SET_PDEATHSIG of prctl(2)); elsewhere there are none.
 */
export const owned: readonly string[] = setpriv === undefined ? [] : [setpriv, '--pdeathsig', 'KILL'];
