import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What the attacker has: a client with rights to its own names, as many connections as it likes. */
export interface Attacker {
  readonly port: number;
  readonly host: string;
  /** Ends when the attack is to end. */
  readonly signal: AbortSignal;
}

export interface Attack {
  readonly title: string;
  /** Resolves when the signal has ended it. */
  readonly run: (attacker: Attacker) => Promise<void>;
}

const headers = { 'x-jarvis-client': 'web', 'content-type': 'application/json' };

/** Sends the same again and again on so many connections; a refusal makes it wait a little, as no attacker would. */
async function repeat(
  { port, host, signal }: Attacker,
  connections: number,
  request: () => { path: string; method?: string; body?: string; headers?: Record<string, string> },
): Promise<void> {
  const loop = async () => {
    while (!signal.aborted) {
      const { path, ...options } = request();
      try {
        const answer = await fetch(`http://${host}:${port}${path}`, { headers, ...options, signal });
        await answer.text();
        if (answer.status === 429) await sleep(2);
      } catch {
        await sleep(2);
      }
    }
  };
  await Promise.all(Array.from({ length: connections }, loop));
}

const hundred = Array.from({ length: 100 }, (_, index) => `web/rotated/${index}`);
const strange = Array.from({ length: 100 }, (_, index) => `${'other/'.repeat(40)}${index}`);

/** Pipelines requests and reads no answer. */
async function pipelineUnread({ port, host, signal }: Attacker, path: string): Promise<void> {
  const request = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nX-Jarvis-Client: web\r\n\r\n`;
  const loop = async () => {
    while (!signal.aborted) {
      const socket = connect(port, host).on('error', () => undefined);
      socket.pause();
      socket.write(request.repeat(100));
      for (let waited = 0; waited < 10 && !signal.aborted && !socket.destroyed; waited++) await sleep(100);
      socket.destroy();
    }
  };
  await Promise.all(Array.from({ length: 64 }, loop));
}

export const attacks: readonly Attack[] = [
  {
    title: 'four rotations of 100 names by rsa-2048 at a time',
    run: attacker =>
      repeat(attacker, 4, () => ({
        path: '/rotate',
        method: 'POST',
        body: JSON.stringify({ names: hundred, generator: 'rsa-2048' }),
      })),
  },
  {
    title: 'nine lists of 1,000 of its secrets of 64 KiB at a time',
    run: attacker => repeat(attacker, 9, () => ({ path: '/secrets?prefix=web/large/&limit=1000' })),
  },
  {
    title: 'pages of 1,000 versions, eight at a time',
    run: attacker => repeat(attacker, 8, () => ({ path: '/versions/web/history?limit=1000' })),
  },
  {
    title: '64 connections that pipeline lists and read nothing',
    run: attacker => pipelineUnread(attacker, '/secrets?prefix=web/large/&limit=1000'),
  },
  {
    title: 'rotations of 100 long names that it has no right to',
    run: attacker =>
      repeat(attacker, 8, () => ({
        path: '/rotate',
        method: 'POST',
        body: JSON.stringify({ names: strange }),
      })),
  },
  {
    title: 'values of 64 KiB, eight at a time',
    run: attacker =>
      repeat(attacker, 8, () => ({
        path: '/secret/web/value',
        method: 'PUT',
        body: JSON.stringify({ value: 'v'.repeat(65_536) }),
      })),
  },
  {
    title: 'requests with bad credentials from the address of the victim',
    run: attacker =>
      repeat(attacker, 8, () => ({ path: '/secret/db/a', headers: { 'x-jarvis-client': 'not a name' } })),
  },
];
