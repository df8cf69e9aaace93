import { chmodSync, cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { checkConfigCommand } from '../src/cli/commands/check-config.ts';
import {
  filesIn,
  type Installation,
  install,
  runCommand,
  startService,
  writePolicy,
} from './helpers/service.ts';
import { startInProcess } from './helpers/service-in-process.ts';

/** One line for people, with no stack trace. */
const oneLine = /^jarvis-secretsd: [^\n]+\n$/;

function start(installation: Installation) {
  return runCommand(installation, ['--config', installation.configFile]);
}

/** One for each step of a start: the executable is seen to refuse these, the others are refused by the same functions here. */
const bySteps = [
  'broken TOML',
  'a policy that others can change',
  'a collector address with a password',
  'a wrong key',
];

/** Tries to start and expects a refusal with one line that says why, and that nothing was made. */
async function isRefused(t: Test, installation: Installation, what: string, message: RegExp): Promise<void> {
  const before = filesIn(installation.folder);
  if (bySteps.includes(what)) {
    const { code, output } = await start(installation);
    t.equal(code, 2, output);
    t.match(output, message);
    t.match(output, oneLine);
    t.notMatch(output, 'pass-word');
  } else {
    const started = startInProcess(installation).then(service => service.stop());
    await t.rejects(started, { name: 'StartError', message });
    await t.rejects(started, { message: /^[^\n]+$/ });
  }
  t.same(filesIn(installation.folder), before, 'nothing is made');
}

type Damage = (installation: Installation, path: (file: string) => string) => void;

const refusedNew: Record<string, readonly [Damage, Record<string, string>, RegExp]> = {
  'a missing file': [
    (_, path) => rmSync(path('config.toml')),
    {},
    /config\.toml: there is no such configuration file; .* copy config\.toml and policy\.yaml from \/\S+$/,
  ],
  'broken TOML': [(_, path) => writeFileSync(path('config.toml'), '[server\n'), {}, /config\.toml:\d+: /],
  'an unknown key': [
    (_, path) => writeFileSync(path('config.toml'), '[server]\nbind = "x"\n'),
    {},
    /unknown key server\.bind;/,
  ],
  'a bad value': [
    (_, path) => writeFileSync(path('config.toml'), '[audit]\nsync = "never"\n'),
    {},
    /audit\.sync must be one of always, changes \(it is "never"\)/,
  ],
  'a folder in place of the vault': [
    () => {},
    { JARVIS_SECRETSD_PATHS_VAULT_PATH: '/tmp' },
    /paths\.vault_path is \/tmp, which is a folder; name the file of the vault/,
  ],
  'an unknown variable': [() => {}, { JARVIS_SECRETSD_SERVER_PORT: '1' }, /JARVIS_SECRETSD_SERVER_PORT: no /],
  'an address that is none': [
    (_, path) => writeFileSync(path('config.toml'), '[telemetry.prometheus]\nbind_addr = "nine"\n'),
    {},
    /telemetry\.prometheus\.bind_addr is "nine"; it must be host:port/,
  ],
  'a policy that cannot be read': [
    (_, path) => {
      rmSync(path('policy.yaml'));
      mkdirSync(path('policy.yaml'));
    },
    {},
    /policy\.yaml cannot be used: EISDIR/,
  ],
  'a broken policy': [
    installation => writePolicy(installation, 'clients: ['),
    {},
    /policy\.yaml cannot be used/,
  ],
  'no policy': [(_, path) => rmSync(path('policy.yaml')), {}, /policy\.yaml cannot be used: ENOENT/],
  'header identity on the network': [
    () => {},
    { JARVIS_SECRETSD_SERVER_BIND_ADDR: '0.0.0.0:8081' },
    /bind a loopback address or a unix socket/,
  ],
  'secrets in the clear on a network': [
    () => {},
    {
      JARVIS_SECRETSD_SERVER_BIND_ADDR: '0.0.0.0:8081',
      JARVIS_SECRETSD_SECURITY_IDENTITY: 'token',
    },
    /in the clear; set server\.tls\.certificate_file and key_file, or server\.allow_plaintext = true/,
  ],
  'a certificate without its key': [
    () => {},
    { JARVIS_SECRETSD_SERVER_TLS_CERTIFICATE_FILE: 'server.crt' },
    /server\.tls\.key_file is not/,
  ],
  'a certificate that is not there': [
    () => {},
    {
      JARVIS_SECRETSD_SERVER_TLS_CERTIFICATE_FILE: 'server.crt',
      JARVIS_SECRETSD_SERVER_TLS_KEY_FILE: 'server.key',
    },
    /cannot read the certificate \S+server\.crt: ENOENT/,
  ],
  'a collector address with a password': [
    () => {},
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://user:pass-word@127.0.0.1:4318' },
    /OTEL_EXPORTER_OTLP_ENDPOINT holds a user or a password; send credentials with OTEL_EXPORTER_OTLP_HEADERS/,
  ],
  'no vault where one is required': [
    () => {},
    { JARVIS_SECRETSD_SERVER_INIT: 'require' },
    /server\.init is "require"/,
  ],
};

for (const [what, [damage, environment, message]] of Object.entries(refusedNew)) {
  t.test(`refuses to start on ${what}, and makes nothing`, async t => {
    const installation = await install(t.testdir(), environment);
    damage(installation, file => join(installation.folder, file));
    await isRefused(t, installation, what, message);
  });
}

const refusedHalf: Record<string, readonly [Damage, RegExp]> = {
  'a vault without its key': [(_, path) => rmSync(path('keys/master.key')), /no master key at/],
  'a key without its vault': [(_, path) => rmSync(path('data/vault.db')), /no vault at/],
  'a wrong key': [(_, path) => writeFileSync(path('keys/master.key'), Buffer.alloc(32, 7)), /master key/],
  'a key that others can read': [(_, path) => chmodSync(path('keys/master.key'), 0o644), /chmod/],
  'a vault that others can read': [(_, path) => chmodSync(path('data/vault.db'), 0o644), /run: chmod 600/],
  'a policy that others can change': [(_, path) => chmodSync(path('policy.yaml'), 0o666), /run: chmod o-w/],
  'an audit log that is gone': [(_, path) => rmSync(path('data/audit'), { recursive: true }), /audit/],
};

/** What a service that has stopped leaves. */
const complete = await install(t.testdir());
await (await startInProcess(complete)).stop();

for (const [what, [damage, message]] of Object.entries(refusedHalf)) {
  t.test(`refuses to start on ${what}, and makes nothing`, async t => {
    const folder = t.testdir();
    cpSync(complete.folder, folder, { recursive: true });
    const installation = { ...complete, folder, configFile: join(folder, 'config.toml') };
    damage(installation, file => join(installation.folder, file));
    await isRefused(t, installation, what, message);
  });
}

t.test('one process to a vault, until it is killed', async t => {
  const installation = await install(t.testdir());
  const first = await startService(installation);
  const second = { ...installation, environment: { JARVIS_SECRETSD_SERVER_BIND_ADDR: '127.0.0.1:0' } };
  await t.rejects(startInProcess(second), { message: /another jarvis-secretsd process uses this vault/ });
  await first.stop('SIGKILL');
  const third = await startInProcess(installation);
  await third.stop();
});

t.test('--check-config says whether it would start, and makes nothing', async t => {
  const installation = await install(t.testdir());
  const { configFile } = installation;
  const check = (environment: Record<string, string> = {}) =>
    runCommand({ ...installation, environment }, ['--check-config', '--config', configFile]);
  t.equal((await check()).code, 0);
  const network = { JARVIS_SECRETSD_SERVER_BIND_ADDR: '0.0.0.0:8081' };
  const { code, output } = await check(network);
  t.equal(code, 2);
  t.match(output, /bind a loopback address/);
  t.match(output, oneLine);
  t.same(filesIn(installation.folder), ['config.toml', 'policy.yaml']);
  writePolicy(installation, 'clients: {a: {allow: ["fly *"]}}');
  t.throws(() => checkConfigCommand(configFile, {}, null), {
    name: 'StartError',
    message: /unknown action "fly"/,
  });
});
