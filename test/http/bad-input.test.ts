import t, { type Test } from 'tap';
import { errorTable } from '../../src/errors.ts';
import { exchange, type RawAnswer } from '../helpers/raw-http.ts';
import { install } from '../helpers/service.ts';
import { startInProcess } from '../helpers/service-in-process.ts';
import { incrementsOf } from '../metrics/contract.ts';
import { type Refusal, refusals } from './refusals.ts';

const service = await startInProcess(await install(t.testdir()));
await service.request('POST', '/secret', { name: 'kept', value: 'v1' });
await service.request('PUT', '/secret/kept', { value: 'v2' });
await service.request('POST', '/secret', { name: 'gone', value: 'v1' });
await service.request('DELETE', '/secret/gone');
const before = await everything();

for (const [about, all] of Object.entries(refusals)) {
  t.test(`bad ${about} get a clear error, are counted and change nothing`, async t => {
    const { http_requests_total, http_requests_success, http_requests_error } = await incrementsOf(
      service,
      async () => {
        for (const refusal of all) isRefusal(t, await exchange(service.url, refusal.bytes), refusal);
      },
    );
    t.same(
      { http_requests_total, http_requests_success, http_requests_error },
      {
        http_requests_total: all.length,
        http_requests_success: undefined,
        http_requests_error: all.length,
      },
      'counted',
    );
    t.same(await everything(), before, 'nothing changed');
  });
}
t.test('requests that do not arrive in time are cut off', async t => {
  const started = performance.now();
  const { http_requests_error } = await incrementsOf(service, async () => {
    const halves = [
      'POST /secret HTTP/1.1\r\nHost: 127.0.0.1\r\n',
      'POST /secret HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Jarvis-Client: admin\r\n' +
        'Content-Type: application/json\r\nContent-Length: 24\r\n\r\n{"name":"a"',
    ];
    const answers = await Promise.all(halves.map(half => exchange(service.url, half)));
    for (const answer of answers)
      isRefusal(t, answer, { what: 'half', status: 408, error: 'request_timeout' });
  });
  t.equal(http_requests_error, 2, 'counted');
  t.ok(performance.now() - started < 50_000, 'by the limit of 10 s; that of Node is 60 s');
  t.same(await everything(), before, 'nothing changed');
});

// No teardown: see test/together.ts.
t.test('the service stops', () => service.stop());

function isRefusal(t: Test, answer: RawAnswer, expected: Omit<Refusal, 'bytes'>): void {
  const { what, status, error } = expected;
  t.equal(answer.status, status, what);
  t.match(answer.headers, headersOf(status), what);
  if (what === 'HEAD') return;
  const body: Record<string, unknown> = JSON.parse(answer.body);
  t.same(Object.keys(body), ['error', 'message'], `${what}: error and message alone`);
  t.equal(body['error'], error, what);
  t.match(body['message'], /^\S.+\.$/, `${what}: a sentence`);
  t.not(body['message'], errorTable.bad_request.message, `${what}: which says what is wrong`);
}

function headersOf(status: number): Map<string, string | RegExp> {
  return new Map<string, string | RegExp>([
    ['x-request-id', /^[0-9a-f-]{36}$/],
    ['cache-control', 'no-store'],
    ['x-content-type-options', 'nosniff'],
    ['content-type', /^application\/json/],
    ...(status === 405 ? [['allow', /[A-Z]/] as const] : []),
  ]);
}

/** The list and the history of `kept`. */
async function everything(): Promise<unknown> {
  const list = await service.request('GET', '/secrets');
  const history = await service.request('GET', '/versions/kept');
  return [await list.json(), await history.json()];
}
