import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import { verifyAuditCommand } from '../src/cli/commands/audit-verify.ts';
import { bootstrapTokenCommand } from '../src/cli/commands/token-bootstrap.ts';
import {
  type AskedService,
  filesIn,
  type Installation,
  install,
  runCommand,
  startService,
  writePolicy,
} from './helpers/service.ts';
import { startInProcess } from './helpers/service-in-process.ts';

const policy = `
clients:
  admin: { allow: ["*", "admin *"] }
  web: { allow: ["read app/*"] }
`;

interface Issued {
  readonly id: string;
  readonly token: string;
  readonly expires_at: string;
  readonly created_at: string;
}

const withTokens = (installation: Installation): Installation => ({
  ...installation,
  environment: { ...installation.environment, JARVIS_SECRETSD_SECURITY_IDENTITY: 'token' },
});
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

async function issue(service: AskedService, by: string, body: object): Promise<Issued> {
  const answer = await service.request('POST', '/tokens', body, bearer(by));
  const text = await answer.text();
  if (answer.status !== 201) throw new Error(`no token: ${answer.status} ${text}`);
  return JSON.parse(text) as Issued;
}

const status = async (service: AskedService, token: string, method: string, path: string, body?: unknown) =>
  (await service.request(method, path, body, bearer(token))).status;

t.test(
  'from header identity to tokens: bootstrap, first admin, clients, revocation, restart, kill',
  async t => {
    const installation = await install(t.testdir());
    writePolicy(installation, policy);
    const bootstrapFile = join(installation.folder, 'keys/bootstrap.token');
    const before = await startInProcess(installation);
    await before.request('POST', '/secret', { name: 'app/db', value: 'v' });
    await before.stop();
    t.notOk(existsSync(bootstrapFile), 'header identity needs no bootstrap');
    const database = new DatabaseSync(join(installation.folder, 'data/vault.db'));
    database.exec('DROP TABLE tokens; PRAGMA user_version = 1');
    database.close();

    const first = await startService(withTokens(installation));
    const bootstrap = readFileSync(bootstrapFile, 'utf8').trimEnd();
    t.equal(statSync(bootstrapFile).mode & 0o777, 0o600);
    t.match(first.output(), `"file":"${bootstrapFile}"`, 'the log names the file');
    t.notMatch(first.output(), bootstrap, 'and not the token');
    t.equal((await first.request('GET', '/secret/app/db')).status, 401, 'X-Jarvis-Client is nobody');

    for (const [method, path, body] of [
      ['GET', '/secret/app/db'],
      ['GET', '/secrets'],
      ['GET', '/versions/app/db'],
      ['POST', '/secret', { name: 'app/x', value: 'v' }],
      ['PUT', '/secret/app/db', { value: 'w' }],
      ['DELETE', '/secret/app/db'],
      ['DELETE', '/secret/app/db?purge=true'],
      ['POST', '/rotate', { names: ['app/db'] }],
      ['POST', '/activate', { name: 'app/db', version: 1 }],
      ['POST', '/undelete', { name: 'app/db' }],
    ] as const) {
      t.equal(await status(first, bootstrap, method, path, body), 403, `bootstrap: ${method} ${path}`);
    }
    t.equal(await status(first, bootstrap, 'POST', '/tokens', { client: 'nobody' }), 409);
    t.equal(await status(first, bootstrap, 'POST', '/tokens', { client: 'bootstrap' }), 400);
    const early = await issue(first, bootstrap, { client: 'web', description: 'early', expires_in: '1d' });
    t.equal(Date.parse(early.expires_at) - Date.parse(early.created_at), 86_400_000);
    t.ok(existsSync(bootstrapFile), 'web may not administer tokens: the bootstrap goes on');
    const admin = await issue(first, bootstrap, { client: 'admin' });
    t.equal(
      Date.parse(admin.expires_at) - Date.parse(admin.created_at),
      90 * 86_400_000,
      '90 days unless said',
    );
    t.notOk(existsSync(bootstrapFile), 'the file is gone');
    t.equal(await status(first, bootstrap, 'GET', '/tokens'), 401, 'and the token spent');

    const near = await issue(first, admin.token, { client: 'web', source_networks: ['127.0.0.0/8', '::1'] });
    const far = await issue(first, admin.token, { client: 'web', source_networks: ['192.0.2.0/24'] });
    t.equal(await status(first, near.token, 'GET', '/secret/app/db'), 200);
    t.equal(await status(first, far.token, 'GET', '/secret/app/db'), 401);
    t.equal(await status(first, near.token, 'GET', '/tokens'), 403);
    t.equal(await status(first, near.token, 'DELETE', `/tokens/${admin.id}`), 403);
    t.equal(await status(first, admin.token, 'DELETE', `/tokens/${early.id}`), 204);
    t.equal(await status(first, early.token, 'GET', '/secret/app/db'), 401, 'at once');
    t.equal(await status(first, admin.token, 'DELETE', `/tokens/${early.id}`), 204, 'again is no error');
    t.equal(await status(first, admin.token, 'DELETE', '/tokens/t-0000000000000000'), 404);
    t.equal(
      (await first.request('PUT', '/tokens/t-0000000000000000', {}, bearer(admin.token))).headers.get(
        'allow',
      ),
      'DELETE',
    );
    t.equal(await status(first, admin.token, 'GET', '/tokens/t-0000000000000000/x'), 404);
    t.equal(await status(first, admin.token, 'DELETE', `/tokens/${early.token}`), 400, 'a token is no id');

    const samples = await first.scrape();
    const failures = (reason: string) => samples.get(`authentication_failures_total{reason="${reason}"}`);
    t.equal(failures('missing'), 1);
    t.equal(failures('wrong_network'), 1);
    t.equal(failures('revoked'), 2);
    const last = await issue(first, admin.token, { client: 'web' });
    await first.stop('SIGKILL');

    const second = await startInProcess(withTokens(installation));
    t.notOk(existsSync(bootstrapFile));
    t.equal(await status(second, last.token, 'GET', '/secret/app/db'), 200, 'what was answered is there');
    t.equal(await status(second, early.token, 'GET', '/secret/app/db'), 401, 'and what was revoked is not');
    const listed = await second.request('GET', '/tokens', undefined, bearer(admin.token));
    const { tokens, next_cursor } = (await listed.json()) as { tokens: object[]; next_cursor: null };
    t.equal(next_cursor, null);
    t.match(tokens, [
      { client: 'bootstrap', revoked_at: String },
      { id: early.id, client: 'web', description: 'early', revoked_at: String },
      { id: admin.id, client: 'admin', last_used_at: String, revoked_at: null },
      { id: near.id, source_networks: ['127.0.0.0/8', '::1'] },
      { id: far.id, last_used_at: null },
      { id: last.id, last_used_at: String },
    ]);
    await second.stop();
    t.equal(await verifyAuditCommand(installation.configFile, {}, text => t.comment(text)), 0);
  },
);

t.test('token bootstrap is the way back in', async t => {
  const installation = withTokens(await install(t.testdir()));
  const command = ['token', 'bootstrap', '--config', installation.configFile];
  const bootstrapFile = join(installation.folder, 'keys/bootstrap.token');
  const bootstrapHere = () => {
    const { configFile, environment } = installation;
    return bootstrapTokenCommand(configFile, environment, text => t.comment(text));
  };
  await t.rejects(bootstrapHere(), { name: 'StartError', message: /^There is no vault at [^\n]+$/ });
  t.same(filesIn(installation.folder), ['config.toml', 'policy.yaml'], 'and makes nothing');

  const first = await startInProcess(installation);
  const spent = readFileSync(bootstrapFile, 'utf8').trimEnd();
  const running = await runCommand(installation, command);
  t.equal(running.code, 75, 'it can be tried again');
  t.match(running.output, /^jarvis-secretsd: another jarvis-secretsd process uses this vault[^\n]+\n$/);
  t.equal(readFileSync(bootstrapFile, 'utf8').trimEnd(), spent, 'nothing changed');
  const lost = await issue(first, spent, { client: 'admin' });
  await first.stop();

  const made = await runCommand(installation, command);
  t.equal(made.code, 0, made.output);
  const earlier = readFileSync(bootstrapFile, 'utf8').trimEnd();
  t.notMatch(made.output, earlier);
  t.match(made.output, bootstrapFile);
  t.match(await bootstrapHere(), bootstrapFile, 'as often as one likes');
  const token = readFileSync(bootstrapFile, 'utf8').trimEnd();
  t.equal(statSync(bootstrapFile).mode & 0o777, 0o600);

  const second = await startInProcess(installation);
  t.equal(await status(second, earlier, 'GET', '/tokens'), 401, 'only the last one is good');
  t.equal(await status(second, token, 'DELETE', `/tokens/${lost.id}`), 204);
  t.equal(await status(second, lost.token, 'GET', '/secrets'), 401);
  const admin = await issue(second, token, { client: 'admin' });
  t.equal(await status(second, admin.token, 'GET', '/secrets'), 200);
  t.notOk(existsSync(bootstrapFile));
  await second.stop();
  t.equal(await verifyAuditCommand(installation.configFile, {}, text => t.comment(text)), 0);
});
