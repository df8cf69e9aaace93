/**
 * The open-loop load of `paced.ts`, in a process of its own: requests fall due at a fixed rate whether or not the answers
 * keep up, and the time of each counts from when it was due. So a stall of the server is in the time of every request
 * that it held up, and not of one only ("coordinated omission"). autocannon's own rate sends each second's requests in
 * one burst, which measures the burst.
 *
 * Takes a `PacedJob` over IPC, and then each `PacedRun`, which it answers with a `PacedSample`.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import process from 'node:process';
import { percentile } from './statistics.ts';

export interface PacedJob {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly path: string;
  readonly connections: number;
  readonly requestsPerSecond: number;
}

export interface PacedRun {
  readonly warmSeconds: number;
  readonly seconds: number;
}

/** Milliseconds, but for the rate. */
export interface PacedSample {
  readonly requestsPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

const successWithLength = /^HTTP\/1\.1 2\d\d [\s\S]*?\r\ncontent-length: (\d+)\r\n/i;

interface Connection {
  readonly socket: Socket;
  /** Called when an answer is whole. */
  answered: () => void;
}

async function openConnections({ url, connections }: PacedJob): Promise<Connection[]> {
  const { hostname, port } = new URL(url);
  const opened = Array.from({ length: connections }, (): Connection => {
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    return { socket, answered: () => undefined };
  });
  await Promise.all(opened.map(({ socket }) => once(socket, 'connect')));
  opened.forEach(readAnswers);
  return opened;
}

function requestText({ url, headers, path }: PacedJob): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${path} HTTP/1.1\r\nhost: ${new URL(url).host}\r\n${lines.join('')}\r\n`;
}

/** Throws, and so ends the process, at what is no 2xx with a length. */
function readAnswers(connection: Connection): void {
  let received = '';
  connection.socket.setEncoding('latin1').on('data', text => {
    received += text;
    const body = received.indexOf('\r\n\r\n') + 4;
    if (body < 4) return;
    const length = successWithLength.exec(received.slice(0, body))?.[1];
    if (length === undefined) throw new Error(`not an answer to count: ${received.slice(0, 200)}`);
    if (received.length < body + Number(length)) return;
    received = '';
    connection.answered();
  });
}

async function run(
  connections: readonly Connection[],
  job: PacedJob,
  { warmSeconds, seconds }: PacedRun,
): Promise<PacedSample> {
  const idle = [...connections];
  const text = requestText(job);
  const total = Math.round(job.requestsPerSecond * (warmSeconds + seconds));
  const warm = Math.round(job.requestsPerSecond * warmSeconds);
  const interval = 1000 / job.requestsPerSecond;
  const times = new Float64Array(total);
  const dueOn = new Map<Connection, number>();
  const done = Promise.withResolvers<void>();
  const start = performance.now();
  let sent = 0;
  let answered = 0;

  for (const connection of connections) {
    connection.answered = () => {
      const number = dueOn.get(connection) ?? 0;
      times[number] = performance.now() - (start + number * interval);
      idle.push(connection);
      answered += 1;
      if (answered === total) done.resolve();
    };
  }
  // Timers come once a millisecond, and this core has nothing else to do.
  const tick = (): void => {
    const due = Math.min(total, Math.floor((performance.now() - start) / interval) + 1);
    while (sent < due) {
      const connection = idle.pop();
      if (connection === undefined) break;
      dueOn.set(connection, sent);
      connection.socket.write(text, 'latin1');
      sent += 1;
    }
    if (sent < total) setImmediate(tick);
  };
  tick();
  await done.promise;
  const took = (performance.now() - start) / 1000;
  const measured = times.subarray(warm);
  return {
    requestsPerSecond: total / took,
    p50: percentile(measured, 0.5),
    p99: percentile(measured, 0.99),
    p999: percentile(measured, 0.999),
  };
}

const [job] = (await once(process, 'message')) as [PacedJob];
const opening = openConnections(job);
process.on('message', async (each: PacedRun) => {
  process.send?.(await run(await opening, job, each));
});
process.once('disconnect', async () => {
  for (const { socket } of await opening) socket.destroy();
});
