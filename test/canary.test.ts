import { hash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { filesUnder, findings, formsOf } from './helpers/leaks.ts';
import { install, type RunningService, startService } from './helpers/service.ts';
import { startCollector } from './telemetry/collector.ts';

/** The value has what JSON and URLs escape in its middle, so its halves are looked for: they come through as they are. */
const halves = [randomBytes(12).toString('hex'), randomBytes(12).toString('hex')] as const;
const canary = `${halves[0]}"\n\u2603\\ ${halves[1]}`;
/** For places that take no such characters. */
const [plain] = halves;

/** Everything a service answered, but for the answers that are meant to hold a value. */
class Answers {
  text = '';
  readonly #service: RunningService;

  constructor(service: RunningService) {
    this.#service = service;
  }

  async ask(...request: Parameters<RunningService['request']>): Promise<void> {
    const answer = await this.#service.request(...request);
    this.text += `${answer.status} ${JSON.stringify([...answer.headers])} ${await answer.text()}\n`;
  }

  async raw(bytes: string): Promise<void> {
    const { hostname, port } = new URL(this.#service.url);
    const socket = connect(Number(port), hostname);
    socket.on('data', chunk => {
      this.text += chunk;
    });
    socket.end(bytes);
    await once(socket, 'close');
    this.text += '\n';
  }
}

/** Every route, and every place of a request, with the value in it. */
async function spread(answers: Answers): Promise<void> {
  const post = (body: unknown, headers?: Record<string, string>) =>
    answers.ask('POST', '/secret', body, headers);
  const change = (body: object, headers?: Record<string, string>) =>
    answers.ask('PUT', '/secret/app/c', body, headers);
  await post({ name: 'app/c', value: canary });
  await post({ name: 'app/c', value: canary });
  await change({ value: canary, metadata: { team: 'a' } });
  await change({ value: canary, activate: false });
  await change({ value: canary }, { 'if-match': '"99"' });
  await change({ value: canary, activate: plain });
  await answers.ask('POST', '/activate', { name: 'app/c', version: 1 });
  await answers.ask('POST', '/activate', { name: 'app/c', version: canary });

  for (const name of [5, '../x', `${plain}!`, `${plain}/..`, [plain]]) await post({ name, value: canary });
  for (const value of [
    [canary],
    { canary },
    canary.repeat(2000),
    canary + 'x'.repeat(140_000),
    `${canary}\ud800`,
  ]) {
    await post({ name: 'app/e', value });
  }
  for (const rotation of [
    canary,
    { every: plain },
    { every: '1d', grace: plain },
    { every: '1d', generator: plain },
  ]) {
    await post({ name: 'app/e', value: canary, rotation });
  }
  await post({ name: 'app/e', value: canary, metadata: { a: canary.repeat(200) } });
  await post({ name: 'app/e', value: canary, metadata: canary });
  const member = JSON.stringify(canary);
  for (const type of [
    'application/json',
    'application/x-www-form-urlencoded',
    'text/plain',
    `text/${plain}`,
  ]) {
    for (const body of [
      `{"name":"app/e","value":${member}`,
      `{"value":${member},"__proto__":{}}`,
      canary,
      member,
    ]) {
      await post(body, { 'content-type': type });
    }
  }
  for (const generator of [plain, { type: plain }, { type: 'hex', length: plain }]) {
    await answers.ask('POST', '/rotate', { names: ['app/c'], generator });
  }
  await answers.ask('POST', '/rotate', { names: ['app/c', `${plain}!`] });

  for (const path of [`app/c?version=${plain}`, `app/c?${plain}=1`, `${plain}!`, `app/c%zz${plain}`]) {
    await answers.ask('GET', `/secret/${path}`);
  }
  for (const query of ['cursor', 'limit']) await answers.ask('GET', `/secrets?${query}=${plain}`);
  await answers.ask('GET', `/secrets?prefix=${plain}!`);
  await answers.ask('GET', `/nothing/${plain}?${plain}`);
  await answers.ask(plain.toUpperCase(), '/secret/app/c');

  const headers = ['authorization', 'if-match', 'if-none-match', 'origin', 'cookie', 'user-agent', 'accept'];
  const more = ['x-request-id', 'traceparent', 'x-forwarded-for', 'sec-fetch-site', 'accept-encoding', 'via'];
  for (const header of [...headers, ...more]) {
    // Where the header is no reason to refuse, the name is: an answer to a reader may hold the value.
    await answers.ask('GET', '/secret/absent', undefined, { [header]: plain });
    await change({ value: canary }, { [header]: plain });
  }
  await post({ name: 'app/d', value: canary }, { 'x-jarvis-client': `${plain} ${plain}` });
  await post({ name: 'app/d', value: canary }, { 'x-jarvis-client': 'nobody' });
  await answers.ask('GET', '/secret/app/c', undefined, { 'x-jarvis-client': 'nobody' });
  const host = `Host: localhost\r\nX-Jarvis-Client: admin\r\n`;
  await answers.raw(`POST /secret HTTP/1.1\r\n${host}Content-Length: ${plain}\r\n\r\n${canary}`);
  await answers.raw(`GET /secret/app/c HTTP/1.1\r\nHost: ${plain}\r\nConnection: close\r\n\r\n`);
  await answers.raw(`GET /secret/app/c HTTP/1.1\r\n${host}Expect: ${plain}\r\nConnection: close\r\n\r\n`);
  await answers.raw(`GET /secret/app/c HTTP/1.1\r\n${host}X-${plain}: ${plain.repeat(2000)}\r\n\r\n`);
  await answers.raw(`CONNECT ${plain}:443 HTTP/1.1\r\n${host}\r\n`);
  await answers.raw(`NONSENSE ${plain}\r\n\r\n`);

  await answers.ask('GET', '/versions/app/c');
  await answers.ask('GET', '/secrets');
  await answers.ask('GET', '/secret/app/c', undefined, { 'if-none-match': '*' });
  await answers.ask('DELETE', '/secret/app/c');
  await answers.ask('GET', '/secret/app/c');
  await post({ name: 'app/c', value: canary });
  await answers.ask('POST', '/undelete', { name: 'app/c' });
  await post({ name: 'app/p', value: canary });
  await answers.ask('DELETE', '/secret/app/p?purge=true');
  await answers.ask('POST', '/rotate', { names: ['app/c'] });
}

async function look(answers: Answers): Promise<void> {
  for (const path of ['/metrics', '/healthz', '/readyz', '/openapi.json', '/nothing']) {
    await answers.ask('GET', path);
  }
  await answers.ask('GET', '/metrics', undefined, { accept: 'application/openmetrics-text' });
}

async function read(service: RunningService, path: string): Promise<string> {
  const secret = (await (await service.request('GET', `/secret/${path}`)).json()) as { value: string };
  return secret.value;
}

t.test('the search finds a value in every form, also within something longer', async t => {
  const forms = formsOf(canary);
  for (const around of ['', 'a', 'ab']) {
    const text = `${around}${canary}${around}`;
    const encoded = [text, JSON.stringify(text), encodeURIComponent(text)];
    const bytes = Buffer.from(text);
    encoded.push(bytes.toString('base64'), bytes.toString('base64url'), bytes.toString('hex'));
    encoded.push(bytes.toString('hex').toUpperCase());
    for (const leak of encoded)
      t.not(findings({ leak: Buffer.from(leak) }, forms).length, 0, leak.slice(0, 20));
  }
  t.same(findings({ other: randomBytes(100_000) }, forms), []);
});

t.test('a value is found only in the answers to its readers', async t => {
  const collector = await startCollector();
  t.teardown(() => collector.close());
  const installation = await install(t.testdir(), {
    JARVIS_SECRETSD_LOGGING_LEVEL: 'trace',
    JARVIS_SECRETSD_TELEMETRY_OTLP_ENDPOINT: collector.url,
    JARVIS_SECRETSD_TELEMETRY_OTLP_TRACE_RATIO: '1',
    OTEL_BSP_SCHEDULE_DELAY: '20',
  });
  const first = await startService(installation);
  const answers = new Answers(first);
  await spread(answers);
  await look(answers);
  t.equal(await read(first, 'app/c?version=1'), canary, 'its reader gets it');
  const generated = await read(first, 'app/c');
  const running = filesUnder(installation.folder);
  await first.stop('SIGKILL');
  const killed = filesUnder(installation.folder);

  const second = await startService(installation);
  const later = new Answers(second);
  await look(later);
  t.equal(await read(second, 'app/c'), generated, 'also after a crash');
  await second.stop();
  const stopped = filesUnder(installation.folder);

  const said = {
    'answers before the crash': Buffer.from(answers.text),
    'answers after the crash': Buffer.from(later.text),
    'the log before the crash': Buffer.from(first.output()),
    'the log after the crash': Buffer.from(second.output()),
    'what was pushed': Buffer.concat(collector.pushes.map(({ body }) => body)),
  };
  const forms = [...formsOf(canary), ...formsOf(generated), Buffer.from(generated, 'base64')];
  for (const places of [said, running, killed, stopped]) t.same(findings(places, forms), []);

  const key = readFileSync(join(installation.folder, 'keys/master.key'));
  const keyForms = [key, key.toString('hex'), key.toString('base64'), key.toString('base64url')];
  t.same(findings(said, keyForms), [], 'nor is the master key');
  t.same(findings(filesUnder(join(installation.folder, 'data')), keyForms), []);

  // What was searched is what there is.
  const audit = join(installation.folder, 'data/audit/audit-0000000000000001.jsonl');
  t.ok(running[audit]?.includes('"resource":"app/c"'));
  t.ok(running[join(installation.folder, 'data/vault.db-wal')]?.includes('app/c'));
  for (const status of [200, 201, 204, 304, 400, 401, 403, 404, 405, 409, 412, 413, 415, 417, 421, 431]) {
    t.ok(new RegExp(`^(HTTP/1.1 )?${status} `, 'm').test(answers.text), `${status} was answered`);
  }
  t.match(first.output(), '"msg":"ready"');
  for (const signal of ['metrics', 'traces', 'logs']) {
    t.ok(
      collector.pushes.some(push => push.signal === signal),
      `${signal} were pushed`,
    );
  }
  t.ok(collector.spans.some(({ name }) => name === 'PUT /secret/*'));
});

/** The forms in which the hash of a token may leak. */
function hashForms(token: string): (string | Buffer)[] {
  const bytes = hash('sha256', token, 'buffer');
  return [bytes, bytes.toString('hex'), bytes.toString('base64'), bytes.toString('base64url')];
}

/** Asks with the token in every place of a request where a caller may put it. */
async function spreadToken(answers: Answers, token: string): Promise<void> {
  const as = { authorization: `Bearer ${token}` };
  for (const path of [
    '/secret/app/a',
    '/secrets',
    '/tokens',
    '/versions/app/a',
    '/openapi.json',
    '/nothing',
  ]) {
    await answers.ask('GET', path, undefined, as);
  }
  for (const authorization of [token, `Basic ${token}`, `Bearer ${token}x`, `Bearer ${token} ${token}`]) {
    await answers.ask('GET', '/secrets', undefined, { authorization });
  }
  for (const header of ['x-jarvis-client', 'cookie', 'x-request-id', 'traceparent', 'origin']) {
    await answers.ask('GET', '/secrets', undefined, { ...as, [header]: token });
  }
  for (const body of [{ client: token }, { client: `${token}!` }, { client: 'admin', expires_in: token }]) {
    await answers.ask('POST', '/tokens', body, as);
  }
  for (const body of [{ client: 'admin', source_networks: [token] }, { [token]: 1 }, token]) {
    await answers.ask('POST', '/tokens', body, as);
  }
  await answers.ask('DELETE', `/tokens/${token}`, undefined, as);
  await answers.ask('GET', `/tokens?cursor=${token}`, undefined, as);
  await answers.ask('GET', `/tokens?access_token=${token}`);
  await answers.raw(
    `GET /secrets HTTP/1.1\r\nHost: localhost\r\n${`Authorization: Bearer ${token}\r\n`.repeat(2)}Connection: close\r\n\r\n`,
  );
  await answers.raw(`NONSENSE ${token}\r\n\r\n`);
}

t.test(
  'a token is found only in its one answer, or the bootstrap file; its hash only in the vault',
  async t => {
    const installation = await install(t.testdir(), {
      JARVIS_SECRETSD_LOGGING_LEVEL: 'trace',
      JARVIS_SECRETSD_SECURITY_IDENTITY: 'token',
    });
    const first = await startService(installation);
    const answers = new Answers(first);
    const bootstrapFile = join(installation.folder, 'keys/bootstrap.token');
    const bootstrap = readFileSync(bootstrapFile, 'utf8').trimEnd();
    const issue = async (by: string): Promise<{ id: string; token: string }> => {
      const as = { authorization: `Bearer ${by}` };
      const answer = await first.request('POST', '/tokens', { client: 'admin' }, as);
      return (await answer.json()) as { id: string; token: string };
    };
    await spreadToken(answers, bootstrap);
    const waiting = filesUnder(installation.folder);
    const admin = await issue(bootstrap);
    const revoked = await issue(admin.token);
    await spreadToken(answers, admin.token);
    await answers.ask('DELETE', `/tokens/${revoked.id}`, undefined, {
      authorization: `Bearer ${admin.token}`,
    });
    await spreadToken(answers, revoked.token);
    await spreadToken(answers, bootstrap);
    const running = filesUnder(installation.folder);
    await first.stop('SIGKILL');
    const second = await startService(installation);
    const later = new Answers(second);
    await spreadToken(later, admin.token);
    await second.stop();
    const stopped = filesUnder(installation.folder);

    const said = {
      answers: Buffer.from(answers.text + later.text),
      'the log': Buffer.from(first.output() + second.output()),
    };
    const tokens = [bootstrap, admin.token, revoked.token];
    const forms = tokens.flatMap(formsOf);
    const { [bootstrapFile]: handedOut, ...others } = waiting;
    t.equal(handedOut?.toString(), `${bootstrap}\n`);
    for (const places of [said, others, running, stopped]) t.same(findings(places, forms), []);

    const hashes = tokens.flatMap(hashForms);
    t.same(findings(said, hashes), []);
    const vault = join(installation.folder, 'data/vault.db');
    for (const files of [waiting, running, stopped]) {
      const elsewhere = Object.entries(files).filter(([file]) => file !== vault && file !== `${vault}-wal`);
      t.same(findings(Object.fromEntries(elsewhere), hashes), []);
    }
    t.equal(findings(stopped, hashes).length, tokens.length, 'what was searched for is there');
    for (const status of [200, 204, 400, 401, 403, 404]) {
      t.ok(new RegExp(`^(HTTP/1.1 )?${status} `, 'm').test(answers.text), `${status} was answered`);
    }
  },
);
