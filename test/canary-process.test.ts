import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createAuthority, loopback, type Pair } from './helpers/certificates.ts';
import { filesUnder, findings, formsOf } from './helpers/leaks.ts';
import { install, startService, waitFor } from './helpers/service.ts';
import { TlsClient } from './helpers/tls-client.ts';

const linux = { skip: !existsSync('/proc/self/environ') && 'needs /proc' };

/** What a private key may be seen by: its PEM body, and the number itself. */
function formsOfKey({ key }: Pair): (string | Buffer)[] {
  const body = key.split('\n').slice(1, -1).join('');
  // RFC 5915: the private number stands 36 bytes into the PKCS #8 of a P-256 key.
  const number = Buffer.from(body, 'base64').subarray(36, 68);
  return [...formsOf(body), number, number.toString('hex'), number.toString('base64')];
}

t.test(
  'keys, tokens and values are not where a process shows itself, also when it crashes',
  linux,
  async t => {
    const authority = await createAuthority('canary');
    const [first, second] = [await authority.issue(loopback), await authority.issue(loopback)];
    const installation = await install(t.testdir(), {
      JARVIS_SECRETSD_LOGGING_LEVEL: 'trace',
      JARVIS_SECRETSD_SECURITY_IDENTITY: 'token',
      JARVIS_SECRETSD_SERVER_TLS_CERTIFICATE_FILE: 'server.crt',
      JARVIS_SECRETSD_SERVER_TLS_KEY_FILE: 'server.key',
    });
    const certificateFile = join(installation.folder, 'server.crt');
    const keyFile = join(installation.folder, 'server.key');
    writeFileSync(certificateFile, first.certificate);
    writeFileSync(keyFile, first.key, { mode: 0o600 });
    const service = await startService(installation);
    const client = new TlsClient(installation.port, authority.certificate);
    const bootstrapFile = join(installation.folder, 'keys/bootstrap.token');
    const bootstrap = readFileSync(bootstrapFile, 'latin1').trim();
    const ask = async (token: string, method: string, path: string, body?: object): Promise<string> => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      const answer = await client.request(path, {
        method,
        headers,
        ...(body && { body: JSON.stringify(body) }),
      });
      return answer.body;
    };
    const { token } = JSON.parse(await ask(bootstrap, 'POST', '/tokens', { client: 'admin' }));
    const value = bootstrap.split('').toReversed().join('');
    await ask(token, 'POST', '/secret', { name: 'app/c', value });

    // A key that does not fit, and then no key at all: each is refused with a reason.
    const reasons = () => service.output().split('"msg":"the certificate was not reloaded').length;
    let seen = reasons();
    for (const wrong of [second.key, `${second.key.slice(0, 80)}\n`]) {
      writeFileSync(keyFile, wrong);
      service.child.kill('SIGHUP');
      await waitFor(() => reasons() > seen);
      seen = reasons();
    }
    const said = [await ask(token, 'GET', '/metrics'), await ask(token, 'GET', '/nothing')].join();
    const { pid } = service.child;
    const shown = {
      environment: readFileSync(`/proc/${pid}/environ`),
      'command line': readFileSync(`/proc/${pid}/cmdline`),
      answers: Buffer.from(said),
    };
    t.match(shown.environment.toString(), 'JARVIS_SECRETSD_SECURITY_IDENTITY', 'what was searched is there');
    await service.stop('SIGSEGV');

    const { [bootstrapFile]: _, [keyFile]: __, ...left } = filesUnder(installation.folder);
    const master = readFileSync(join(installation.folder, 'keys/master.key'));
    const data = Object.fromEntries(Object.entries(left).filter(([file]) => !file.endsWith('master.key')));
    const masterForms = [master, master.toString('hex'), master.toString('base64')];
    const forms = [
      ...[bootstrap, token, value].flatMap(formsOf),
      ...[first, second].flatMap(formsOfKey),
      ...masterForms,
    ];
    t.same(findings({ ...shown, ...data, log: Buffer.from(service.output()) }, forms), []);
    t.notOk(
      Object.keys(left).some(file => /core/.test(file.slice(installation.folder.length))),
      'no core file',
    );
    t.not(
      findings({ key: Buffer.from(first.key) }, formsOfKey(first)).length,
      0,
      'the search would find the key',
    );
  },
);
