/**
 * The open-loop load of `paced.ts`, in a process of its own: requests fall due at a fixed rate whether or not the answers
 * keep up, and the time of each counts from when it was due. So a stall of the server is in the time of every request
 * that it held up, and not of one only ("coordinated omission"). autocannon's own rate sends each second's requests in
 * one burst, which measures the burst.
 *
 * Takes a `PacedJob` over IPC and answers a `PacedSample`.
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

async function openConnections({ url, connections }: PacedJob): Promise<Socket[]> {
  const { hostname, port } = new URL(url);
  const sockets = Array.from({ length: connections }, () =>
    connect({ host: hostname, port: Number(port), noDelay: true }),
  );
  await Promise.all(sockets.map(socket => once(socket, 'connect')));
  return sockets;
}

function requestText({ url, headers, path }: PacedJob): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${path} HTTP/1.1\r\nhost: ${new URL(url).host}\r\n${lines.join('')}\r\n`;
}

/** Calls back when an answer is whole. Throws, and so ends the process, at what is no 2xx with a length. */
function onAnswers(socket: Socket, answered: () => void): void {
  let received = '';
  socket.setEncoding('latin1').on('data', text => {
    received += text;
    const body = received.indexOf('\r\n\r\n') + 4;
    if (body < 4) return;
    const length = successWithLength.exec(received.slice(0, body))?.[1];
    if (length === undefined) throw new Error(`not an answer to count: ${received.slice(0, 200)}`);
    if (received.length < body + Number(length)) return;
    received = '';
    answered();
  });
}

async function run(job: PacedJob): Promise<PacedSample> {
  const sockets = await openConnections(job);
  const idle = [...sockets];
  const text = requestText(job);
  const total = Math.round(job.requestsPerSecond * (job.warmSeconds + job.seconds));
  const warm = Math.round(job.requestsPerSecond * job.warmSeconds);
  const interval = 1000 / job.requestsPerSecond;
  const times = new Float64Array(total);
  const dueOn = new Map<Socket, number>();
  const done = Promise.withResolvers<void>();
  const start = performance.now();
  let sent = 0;
  let answered = 0;

  for (const socket of sockets) {
    onAnswers(socket, () => {
      const number = dueOn.get(socket) ?? 0;
      times[number] = performance.now() - (start + number * interval);
      idle.push(socket);
      answered += 1;
      if (answered === total) done.resolve();
    });
  }
  // Timers come once a millisecond, and this core has nothing else to do.
  const tick = (): void => {
    const due = Math.min(total, Math.floor((performance.now() - start) / interval) + 1);
    while (sent < due) {
      const socket = idle.pop();
      if (socket === undefined) break;
      dueOn.set(socket, sent);
      socket.write(text, 'latin1');
      sent += 1;
    }
    if (sent < total) setImmediate(tick);
  };
  tick();
  await done.promise;
  const seconds = (performance.now() - start) / 1000;
  for (const socket of sockets) socket.destroy();
  const measured = times.subarray(warm);
  return {
    requestsPerSecond: total / seconds,
    p50: percentile(measured, 0.5),
    p99: percentile(measured, 0.99),
    p999: percentile(measured, 0.999),
  };
}

const [job] = (await once(process, 'message')) as [PacedJob];
process.send?.(await run(job));
process.disconnect?.();
