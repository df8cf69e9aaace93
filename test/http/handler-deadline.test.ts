import t from 'tap';
import { HandlerDeadline } from '../../src/http/handler-deadline.ts';
import { createServer } from '../../src/http/server.ts';
import { RequestsUnderWay } from '../../src/http/under-way.ts';
import { until } from './running-app.ts';

t.test('what a handler does not answer in time is answered 503, and its late answer is lost', async t => {
  const failures: object[] = [];
  const app = createServer({ error: facts => void failures.push(facts) }, null);
  const underWay = new RequestsUnderWay();
  const deadline = new HandlerDeadline(underWay, 50);
  const hanging = Promise.withResolvers<string>();
  app.addHook('preValidation', (_request, reply, done) => {
    underWay.admit(reply);
    done();
  });
  app.get('/hangs', () => hanging.promise);
  app.get('/answers', async () => 'at once');
  deadline.watch();
  t.teardown(async () => {
    deadline.stop();
    await app.close();
  });
  const address = await app.listen({ host: '127.0.0.1', port: 0 });

  const answered = await fetch(`${address}/answers`);
  t.equal(await answered.text(), 'at once');
  const late = await fetch(`${address}/hangs`);
  t.equal(late.status, 503);
  t.match(await late.json(), {
    error: 'unavailable',
    message: 'The request took too long; it may still be carried out.',
  });
  t.match(failures, [{ code: 'unavailable', request_id: late.headers.get('x-request-id') }]);
  hanging.resolve('too late');
  t.equal((await fetch(`${address}/answers`)).status, 200);
  await until(() => underWay.count === 0);
});
