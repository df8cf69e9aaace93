import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { env } from 'node:process';
import t, { type Test } from 'tap';
import { newToken } from '../../src/vault/token-format.ts';
import { RawConnection } from '../helpers/raw-connection.ts';
import { requestBytes } from '../helpers/raw-http.ts';
import { install, startService, writePolicy } from '../helpers/service.ts';
import { chosenSeed, Random } from './random.ts';
import { type Comparison, mannWhitney, median } from './statistics.ts';
import { campaignOnly } from './tools.ts';

/** Of each kind; so many tell apart what differs by a thirtieth of its own scatter. */
const samples = 5000;
/** Where the machine is so busy that `sensitivity` would not be seen in those, more are taken, up to so many. */
const mostSamples = 15_000;
const warmUp = 500;
/** What the test must be able to see on the machine that runs it: so much of the median. */
const sensitivity = 0.05;
/**
 * Beyond it two kinds of answer count as told apart. Were they the same, chance would go so far once in 15,000 runs;
 * the difference that the controls show goes many times further.
 */
const threshold = 4;

const policy = `clients:
  admin: { allow: ["*"] }
  web: { allow: [read app/*] }
`;

t.setTimeout(600_000);

t.test('the time of a refusal does not tell whether the name exists', { skip: campaignOnly }, async t => {
  const seed = chosenSeed(env);
  t.comment(`JARVIS_FUZZ_SEED=${seed}, from ${samples} samples of each kind`);
  const installation = await install(t.testdir(), {
    // Without the disk's scatter a difference would show sooner.
    JARVIS_SECRETSD_AUDIT_SYNC: 'changes',
  });
  writePolicy(installation, policy);
  const service = await startService(installation);
  t.teardown(() => service.stop());
  // As long as each other, and of the same folder.
  const [there, notThere] = [randomUUID(), randomUUID()];
  for (const folder of ['app', 'sealed'])
    await service.request('POST', '/secret', { name: `${folder}/${there}`, value: 'v' });
  const connection = await RawConnection.open(service.url);
  t.teardown(() => connection.destroy());
  const random = new Random(seed);
  const compare = (what: string, status: readonly [number, number], paths: readonly [string, string]) =>
    compareAnswers(t, connection, random, what, status, [read(paths[0]), read(paths[1])]);

  const denied = await compare('denied', [403, 403], [`sealed/${there}`, `sealed/${notThere}`]);
  t.ok(
    Math.abs(denied.z) < threshold,
    'existing and missing names cannot be told apart where both are denied',
  );
  t.ok(denied.shift > threshold, `${100 * sensitivity} % of the time more would have been seen`);

  const allowed = await compare('allowed', [200, 404], [`app/${there}`, `app/${notThere}`]);
  t.ok(Math.abs(allowed.z) > threshold, 'the test sees the difference where the caller may read');
});

t.test('the time of a refusal does not tell whether a token exists', { skip: campaignOnly }, async t => {
  const seed = chosenSeed(env);
  t.comment(`JARVIS_FUZZ_SEED=${seed}, from ${samples} samples of each kind`);
  const installation = await install(t.testdir(), {
    JARVIS_SECRETSD_SECURITY_IDENTITY: 'token',
    JARVIS_SECRETSD_AUDIT_SYNC: 'changes',
  });
  const service = await startService(installation);
  t.teardown(() => service.stop());
  const bootstrap = readFileSync(join(installation.folder, 'keys/bootstrap.token'), 'latin1').trim();
  const issue = async (by: string, request: object) => {
    const answer = await service.request('POST', '/tokens', request, { authorization: `Bearer ${by}` });
    return (await answer.json()) as { id: string; token: string };
  };
  const admin = await issue(bootstrap, { client: 'admin' });
  const revoked = await issue(admin.token, { client: 'admin' });
  const authorization = `Bearer ${admin.token}`;
  await service.request('DELETE', `/tokens/${revoked.id}`, undefined, { authorization });
  const connection = await RawConnection.open(service.url);
  t.teardown(() => connection.destroy());
  const random = new Random(seed);
  const compare = (what: string, status: readonly [number, number], tokens: readonly [string, string]) =>
    compareAnswers(t, connection, random, what, status, [list(tokens[0]), list(tokens[1])]);

  const refused = await compare('revoked and unknown', [401, 401], [revoked.token, newToken()]);
  t.ok(Math.abs(refused.z) < threshold, 'a token that was one and one that never was cannot be told apart');
  t.ok(refused.shift > threshold, `${100 * sensitivity} % of the time more would have been seen`);

  const known = await compare('good and unknown', [200, 401], [admin.token, newToken()]);
  t.ok(Math.abs(known.z) > threshold, 'the test sees the difference where the token is good');
});

function list(token: string): Buffer {
  return requestBytes('GET', '/secrets', undefined, {
    connection: 'keep-alive',
    authorization: `Bearer ${token}`,
    'x-jarvis-client': null,
  });
}

function read(name: string): Buffer {
  return requestBytes('GET', `/secret/${name}`, undefined, {
    connection: 'keep-alive',
    'x-jarvis-client': 'web',
  });
}

/**
 * Times two requests over one connection, in pairs whose order is drawn by lot: what drifts or stalls meets both alike.
 * @param statuses what each must be answered with
 * @returns with how far z moves when the second takes longer by `sensitivity`
 */
async function compareAnswers(
  t: Test,
  connection: RawConnection,
  random: Random,
  what: string,
  statuses: readonly [number, number],
  requests: readonly [Buffer, Buffer],
): Promise<Comparison & { readonly shift: number }> {
  const times: [number[], number[]] = [[], []];
  const wrong = new Set<number>();
  const time = async (kind: 0 | 1) => {
    const started = performance.now();
    connection.send(requests[kind]);
    const { status } = await connection.answer();
    times[kind].push(performance.now() - started);
    if (status !== statuses[kind]) wrong.add(status);
  };
  const timePairs = async (count: number) => {
    for (let pair = 0; pair < count; pair++) {
      const first = random.pick([0, 1] as const);
      await time(first);
      await time(first === 0 ? 1 : 0);
    }
  };
  await timePairs(warmUp);
  for (const list of times) list.length = 0;
  let result: Comparison & { readonly shift: number };
  do {
    await timePairs(samples);
    result = compared(times);
  } while (result.shift <= threshold && Math.abs(result.z) < threshold && times[0].length < mostSamples);
  t.same([...wrong], [], `${what}: answered as expected`);
  const medians = times.map(list => `${(median(list) * 1000).toFixed(1)} µs`).join(' and ');
  t.comment(
    `${what}: ${times[0].length} samples, medians ${medians}, z = ${result.z.toFixed(2)}, below = ${result.below.toFixed(4)}`,
  );
  return result;
}

function compared([first, second]: [number[], number[]]): Comparison & { readonly shift: number } {
  const result = mannWhitney(first, second);
  const delay = median(first) * sensitivity;
  const delayed = second.map(milliseconds => milliseconds + delay);
  return { ...result, shift: Math.abs(mannWhitney(first, delayed).z - result.z) };
}
