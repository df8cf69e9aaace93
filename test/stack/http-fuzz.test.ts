import { connect } from 'node:net';
import { env } from 'node:process';
import t, { type Test } from 'tap';
import { errorTable } from '../../src/errors.ts';
import { takeAnswer } from '../helpers/raw-connection.ts';
import type { RawAnswer } from '../helpers/raw-http.ts';
import { install, type RunningService, startService } from '../helpers/service.ts';
import { malformedRequest } from './malformed-requests.ts';
import { chosenSeed, Random } from './random.ts';
import { campaignOnly } from './tools.ts';

const requests = 20_000;
const senders = 16;
/** Memory is looked at after each so many requests. */
const slice = 500;
/** MiB: about 300 are reached while the collector takes its time; 10 KiB kept of each request would go beyond. */
const mostResident = 448;
/** Milliseconds until a connection must have ended. */
const perRequest = 15_000;

interface Tally {
  readonly statuses: Map<number, number>;
  readonly wrong: string[];
  unanswered: number;
}

t.setTimeout(300_000);

t.test(
  `${requests} malformed requests: each answer is a good one, and the service stays as it is`,
  { skip: campaignOnly },
  async t => {
    const seed = chosenSeed(env);
    t.comment(`JARVIS_FUZZ_SEED=${seed}`);
    const random = new Random(seed);
    const service = await startService(await install(t.testdir()));
    t.teardown(() => service.stop());
    for (const name of ['app/a', 'kept']) await service.request('POST', '/secret', { name, value: 'v' });
    const first = await service.scrape();
    const tally: Tally = { statuses: new Map(), wrong: [], unanswered: 0 };

    const scrapes = [];
    for (let sent = 0; sent < requests; sent += slice) {
      await sendMany(service, random, slice, tally);
      scrapes.push(await service.scrape());
    }
    const last = scrapes.at(-1) ?? first;

    t.equal(service.child.exitCode, null, 'the process lives');
    t.same(tally.wrong, [], 'each answer is HTTP, in our shape, and none is 5xx');
    const resident = Math.max(...scrapes.map(scrape => mebibytes(scrape, 'process_resident_memory_bytes')));
    t.ok(resident < mostResident, `at most ${resident} MiB were resident`);
    for (const path of ['/healthz', '/readyz']) t.equal((await fetch(service.url + path)).status, 200);
    t.match(await (await service.request('GET', '/secret/kept')).json(), { value: 'v' });
    t.comment(
      `by status: ${JSON.stringify(Object.fromEntries(tally.statuses))}, no answer: ${tally.unanswered}`,
    );

    const moved = (name: string) => (last.get(name) ?? 0) - (first.get(name) ?? 0);
    const answered = (from: number, to: number) =>
      [...tally.statuses].reduce(
        (sum, [status, count]) => (status >= from && status < to ? sum + count : sum),
        0,
      );
    const [total, success, error] = ['total', 'success', 'error'].map(name => moved(`http_requests_${name}`));
    const counted = { total, success, error };
    t.comment(`counted: ${JSON.stringify(counted)}`);
    t.equal(success, answered(200, 300) + scrapes.length, 'success is the 2xx that were received');
    // An answer can get lost on its way to a client that is still sending.
    within(t, Number(error) - answered(400, 600), 'error is the 4xx that were received, or sent');
    within(t, Number(total) - Number(success) - Number(error) - answered(300, 400), 'the rest was aborted');
    t.equal(
      moved('http_request_duration_seconds_count'),
      moved('http_requests_total'),
      'each was observed once, the first scrape for the last one',
    );
  },
);

/** From 0 to 5 % of the requests. */
function within(t: Test, count: number, what: string): void {
  t.ok(count >= 0 && count <= requests / 20, `${what}: ${count}`);
}

async function sendMany(service: RunningService, random: Random, count: number, tally: Tally): Promise<void> {
  let left = count;
  const sender = async (index: number) => {
    while (left > 0 && tally.wrong.length < 10) {
      left--;
      const bytes = malformedRequest(random);
      const received = await sendOnce(service.url, bytes, `127.0.0.${1 + (index % 8)}`);
      try {
        judge(received, bytes.includes('HEAD '), tally);
      } catch (error) {
        tally.wrong.push(
          `${(error as Error).message} for ${JSON.stringify(bytes.toString('latin1').slice(0, 500))}`,
        );
      }
    }
  };
  await Promise.all(Array.from({ length: senders }, (_, index) => sender(index)));
}

/** Sends, hangs up its own side once something comes or nothing does, and reads until the service hangs up, too. */
async function sendOnce(url: string, bytes: Buffer, localAddress: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect({ port: Number(port), host: hostname, localAddress });
  const closed = new Promise(resolve => void socket.once('close', resolve));
  let received = '';
  socket.setEncoding('latin1').on('data', text => {
    received += text;
  });
  socket.on('error', () => undefined);
  const tooLate = setTimeout(() => {
    received = 'no end to the connection';
    socket.destroy();
  }, perRequest);
  socket.write(bytes);
  // Node drops the answers that are still to come when a client hangs up its side first.
  const patience = setTimeout(() => socket.end(), 50);
  socket.once('data', () => socket.end());
  await closed;
  clearTimeout(patience);
  clearTimeout(tooLate);
  return received;
}

/** @param mayBeHead whether an answer may lack the body that its length announces. @throws Error what is wrong */
function judge(received: string, mayBeHead: boolean, tally: Tally): void {
  let rest = received;
  if (rest === '') tally.unanswered++;
  while (rest !== '') {
    const bodiless = mayBeHead && /^(?:HTTP\/1\.1 |$)/.test(rest.slice(rest.indexOf('\r\n\r\n') + 4));
    const next = takeAnswer(rest, bodiless);
    if (next === null) throw new Error(`half an answer: ${rest}`);
    judgeAnswer(next.answer, mayBeHead);
    if (next.answer.status >= 200)
      tally.statuses.set(next.answer.status, (tally.statuses.get(next.answer.status) ?? 0) + 1);
    rest = next.rest;
  }
}

function judgeAnswer({ status, headers, body }: RawAnswer, mayBeHead: boolean): void {
  // Interim answers (RFC 9110, 15.2): 100, and the 102 of a rotation whose client has ended its side.
  if (status < 200) return;
  if (status >= 500) throw new Error(`status ${status}: ${body}`);
  if (!headers.has('x-request-id')) throw new Error(`no X-Request-Id with status ${status}`);
  if (status < 400 || (mayBeHead && body === '')) return;
  const answer: Record<string, unknown> = JSON.parse(body);
  const { error, message } = answer;
  const known = Object.entries(errorTable).some(([code, row]) => code === error && row.status === status);
  if (!known || typeof message !== 'string' || Object.keys(answer).length !== 2)
    throw new Error(`status ${status} with ${body}`);
}

function mebibytes(samples: ReadonlyMap<string, number>, name: string): number {
  return Math.round((samples.get(name) ?? Number.NaN) / 2 ** 20);
}
