import t, { type Test } from 'tap';
import { errorTable } from '../../src/errors.ts';
import { exchange, type RawAnswer } from '../helpers/raw-http.ts';
import { install, type RunningService, startService } from '../helpers/service.ts';
import { incrementsOf } from '../metrics/contract.ts';
import { refusals } from './refusals.ts';

// The slow requests take their 10 s beside the others.
t.jobs = 2;

t.test('bad input gets a clear error, is counted and changes nothing', { buffered: true }, async t => {
  const service = await startService(await install(t.testdir()));
  t.teardown(() => service.stop());
  await service.request('POST', '/secret', { name: 'kept', value: 'v1' });
  await service.request('PUT', '/secret/kept', { value: 'v2' });
  await service.request('POST', '/secret', { name: 'gone', value: 'v1' });
  await service.request('DELETE', '/secret/gone');
  const before = await everything(service);

  for (const { what, bytes, status, error } of refusals) {
    await t.test(what, async t => {
      const { http_requests_total, http_requests_success, http_requests_error } = await incrementsOf(
        service,
        async () => isRefusal(t, await exchange(service.url, bytes), status, error, what === 'HEAD'),
      );
      t.same(
        { http_requests_total, http_requests_success, http_requests_error },
        { http_requests_total: 1, http_requests_success: undefined, http_requests_error: 1 },
        'counted',
      );
      t.same(await everything(service), before, 'nothing changed');
    });
  }
});

t.test('requests that do not arrive in time are cut off', { buffered: true }, async t => {
  const service = await startService(await install(t.testdir()));
  t.teardown(() => service.stop());
  const before = await everything(service);
  const started = performance.now();
  const { http_requests_error } = await incrementsOf(service, async () => {
    const answers = await Promise.all(
      [
        'POST /secret HTTP/1.1\r\nHost: 127.0.0.1\r\n',
        'POST /secret HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Jarvis-Client: admin\r\n' +
          'Content-Type: application/json\r\nContent-Length: 24\r\n\r\n{"name":"a"',
      ].map(half => exchange(service.url, half)),
    );
    for (const answer of answers) isRefusal(t, answer, 408, 'request_timeout', false);
  });
  t.equal(http_requests_error, 2, 'counted');
  t.ok(performance.now() - started < 20_000, 'soon after the limit of 10 s');
  t.same(await everything(service), before, 'nothing changed');
});

function isRefusal(t: Test, answer: RawAnswer, status: number, error: string, bodiless: boolean): void {
  t.equal(answer.status, status, 'status');
  t.match(answer.headers.get('x-request-id'), /^[0-9a-f-]{36}$/, 'X-Request-Id');
  t.equal(answer.headers.get('cache-control'), 'no-store');
  t.equal(answer.headers.get('x-content-type-options'), 'nosniff');
  t.match(answer.headers.get('content-type'), /^application\/json/);
  if (status === 405) t.ok(answer.headers.has('allow'), 'Allow');
  if (bodiless) return;
  const body: Record<string, unknown> = JSON.parse(answer.body);
  t.same(Object.keys(body), ['error', 'message'], 'error and message alone');
  t.equal(body['error'], error);
  t.match(body['message'], /^\S.+\.$/, 'a sentence');
  t.not(body['message'], errorTable.bad_request.message, 'which says what is wrong');
}

/** The list and the history of `kept`. */
async function everything(service: RunningService): Promise<unknown> {
  const list = await service.request('GET', '/secrets');
  const history = await service.request('GET', '/versions/kept');
  return [await list.json(), history.status === 200 ? await history.json() : null];
}
