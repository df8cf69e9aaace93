import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { install, type RunningService, startService } from './helpers/service.ts';

/** The forms in which a value might leak. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  return [secret, bytes.toString('base64'), bytes.toString('base64url'), bytes.toString('hex')];
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map(file => join(folder, file))
    .filter(file => statSync(file).isFile());
}

/** Everything the service answered, but for the answers that are meant to hold the value. */
class Answers {
  text = '';
  readonly #service: RunningService;

  constructor(service: RunningService) {
    this.#service = service;
  }

  async ask(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<string> {
    const answer = await this.#service.request(method, path, body, headers);
    const text = await answer.text();
    this.text += `${answer.status} ${JSON.stringify([...answer.headers])} ${text}\n`;
    return text;
  }

  async raw(bytes: string): Promise<void> {
    const { hostname, port } = new URL(this.#service.url);
    const socket = connect(Number(port), hostname);
    socket.on('data', chunk => {
      this.text += chunk;
    });
    socket.end(bytes);
    await once(socket, 'close');
  }
}

t.test('a value is found only in the answers to its readers', async t => {
  const installation = await install(t.testdir(), { JARVIS_SECRETSD_LOGGING_LEVEL: 'trace' });
  const canary = `canary-${randomBytes(24).toString('hex')}`;
  let service = await startService(installation);
  t.teardown(() => service.stop());
  let answers = new Answers(service);
  const ask = (...request: Parameters<Answers['ask']>) => answers.ask(...request);

  await ask('POST', '/secret', { name: 'app/c', value: canary });
  await ask('POST', '/secret', { name: 'app/c', value: canary });
  await ask('PUT', '/secret/app/c', { value: canary, metadata: { team: 'a' } });
  await ask('PUT', '/secret/app/c', { value: canary, activate: false });
  await ask('PUT', '/secret/app/c', { value: canary }, { 'if-match': '"99"' });
  await ask('POST', '/activate', { name: 'app/c', version: 1 });
  await ask('GET', '/versions/app/c');
  await ask('GET', '/secrets');
  await ask('GET', '/secret/app/c', undefined, { 'if-none-match': '"1"' });
  await ask('GET', '/secret/app/c', undefined, { 'x-jarvis-client': 'nobody' });
  await ask('POST', '/secret', { name: 'app/d', value: canary }, { 'x-jarvis-client': 'nobody' });
  await ask('POST', '/secret', { name: 'app/d', value: canary, [canary.slice(0, 10)]: 1 });
  await ask('POST', '/secret', { name: 5, value: canary });
  await ask('POST', '/secret', { name: '../x', value: canary });
  await ask('POST', '/secret', { name: 'app/e', value: canary.repeat(2000) });
  await ask('POST', '/secret', { name: 'app/e', value: `${canary}${'x'.repeat(140_000)}` });
  await ask('POST', '/secret', { name: 'app/e', value: [canary] });
  await ask('POST', '/secret', `{"name":"app/e","value":"${canary}"`);
  await ask('POST', '/secret', `{"name":"app/e","value":"${canary}","__proto__":{}}`);
  await ask('POST', '/secret', `{"name":"app/e","value":"${canary}"`, {
    'content-type': 'application/x-www-form-urlencoded',
  });
  await ask('POST', '/secret', canary, { 'content-type': 'text/plain' });
  await ask('POST', '/secret', { name: 'app/f', value: canary, rotation: { every: canary } });
  await ask('POST', '/rotate', { names: ['app/c'], generator: { type: canary } });
  await ask('DELETE', '/secret/app/c');
  await ask('POST', '/secret', { name: 'app/c', value: canary });
  await ask('POST', '/undelete', { name: 'app/c' });
  for (const path of ['/metrics', '/healthz', '/readyz', '/openapi.json', '/nothing']) await ask('GET', path);
  await answers.raw(`POST /secret HTTP/1.1\r\nHost: localhost\r\nContent-Length: abc\r\n\r\n${canary}`);
  await answers.raw(`NONSENSE ${canary}\r\n\r\n`);

  await ask('POST', '/rotate', { names: ['app/c'] });
  const generated = ((await (await service.request('GET', '/secret/app/c')).json()) as { value: string })
    .value;

  const supplied = await (await service.request('GET', '/secret/app/c?version=1')).text();
  t.ok(supplied.includes(canary), 'the reader gets it: the search can find it');

  let output = service.output();
  let answered = answers.text;
  await service.stop('SIGKILL');
  service = await startService(installation);
  answers = new Answers(service);
  await ask('GET', '/metrics');
  await service.stop();
  output += service.output();
  answered += answers.text;

  t.ok(answered.includes('app/c'), 'answers were collected');
  t.ok(output.includes('ready'), 'logs were collected');
  for (const secret of [canary, generated]) {
    for (const form of formsOf(secret)) {
      t.notOk(output.includes(form), 'not in a log');
      t.notOk(answered.includes(form), 'not in an answer to anybody else');
      for (const file of filesUnder(installation.folder)) {
        t.notOk(readFileSync(file).includes(form), `not in ${file.slice(installation.folder.length)}`);
      }
    }
  }
  const key = readFileSync(join(installation.folder, 'keys/master.key'));
  for (const file of filesUnder(join(installation.folder, 'data'))) {
    t.notOk(readFileSync(file).includes(key), 'the master key is not among the data');
  }
  for (const form of [key.toString('hex'), key.toString('base64')]) t.notOk(output.includes(form));
  const audit = filesUnder(join(installation.folder, 'data/audit')).map(file => readFileSync(file, 'utf8'));
  t.ok(audit.join('').includes('"resource":"app/c"'), 'the files that were searched are the real ones');
});
