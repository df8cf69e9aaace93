/** Runs one attack until it is killed: `attack-process.ts NUMBER HOST PORT`. A process of its own takes no time from the victim's clock. */
import { setPriority } from 'node:os';
import { argv } from 'node:process';
import { attacks } from './attacks.ts';

const [number, host = '', port] = argv.slice(2);
// An attacker is on another machine: here it must not take the cores from the service.
setPriority(19);
await attacks[Number(number)]?.run({ host, port: Number(port), signal: new AbortController().signal });
