import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t, { type Test } from 'tap';
import { loadConfig } from '../src/config/load.ts';
import { listen } from '../src/listening.ts';
import { type SocketAccess, socketAccess } from '../src/socket-access.ts';
import { install, runCommand, startService } from './helpers/service.ts';

const isRoot = userInfo().uid === 0;
/** Nobody's, on every machine that has not made so many users. */
const stranger = 60_123;
const group = 60_456;

/** The path of a socket has room for about a hundred characters. */
async function installOn(t: Test, environment: Record<string, string> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'jarvis-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const socketPath = join(folder, 'api.sock');
  const installation = await install(folder, {
    JARVIS_SECRETSD_SERVER_BIND_ADDR: `unix://${socketPath}`,
    ...environment,
  });
  return { installation, folder, socketPath };
}

async function ask(socketPath: string): Promise<string> {
  const asked = request({ socketPath, path: '/healthz' }).end();
  const [answer] = await once(asked, 'response');
  return await text(answer);
}

/** What comes of connecting as another user: `ok` or the code of the error. */
async function connectAs(socketPath: string, user: { uid: number; gid: number }): Promise<string> {
  const script = `require('net').connect(process.argv[1])
    .on('connect', function () { console.log('ok'); this.destroy(); })
    .on('error', error => console.log(error.code))`;
  const { PATH = '' } = process.env;
  const child = spawn(process.execPath, ['-e', script, socketPath], { ...user, env: { PATH }, cwd: '/' });
  return (await text(child.stdout)).trim();
}

t.test('a socket is for its owner, replaces that of a killed process and is gone after the stop', async t => {
  const { installation, socketPath } = await installOn(t);
  const killed = await startService(installation);
  t.equal(statSync(socketPath).mode & 0o777, 0o600);
  t.match(await ask(socketPath), /"status":"ok"/);
  await killed.stop('SIGKILL');
  t.ok(existsSync(socketPath), 'left behind');
  const service = await startService(installation);
  t.match(await ask(socketPath), /"status":"ok"/);
  t.equal(await service.stop(), 0);
  t.notOk(existsSync(socketPath));
});

t.test(
  'a group may connect where the mode lets it, and nobody else',
  { skip: !isRoot && 'needs root' },
  async t => {
    const { folder, socketPath } = await installOn(t);
    const access = accessOf(folder, `socket_group = "${group}"`);
    chmodSync(folder, 0o755);
    await listening(t, socketPath, access);
    t.match(statSync(socketPath), { gid: group, mode: 0o140660 });
    t.equal(await connectAs(socketPath, { uid: stranger, gid: group }), 'ok');
    t.equal(await connectAs(socketPath, { uid: stranger, gid: stranger }), 'EACCES');
  },
);

t.test('a group that the service is not in is refused', { skip: !isRoot && 'needs root' }, async t => {
  const { installation, folder, socketPath } = await installOn(t, {
    JARVIS_SECRETSD_SERVER_SOCKET_GROUP: String(group),
  });
  chownSync(folder, stranger, stranger);
  const args = ['--config', installation.configFile];
  const { code, output } = await runCommand({ ...installation, user: stranger }, args);
  t.equal(code, 2);
  t.match(output, /^jarvis-secretsd: Cannot listen on unix:\S+: EPERM/);
  t.notOk(existsSync(socketPath), 'no socket is left');
  t.notOk(existsSync(join(folder, 'data')), 'nothing is made');
});

t.test('a group by name', async t => {
  const { folder, socketPath } = await installOn(t);
  const server = await listening(t, socketPath, accessOf(folder, `socket_group = "${nameOfOwnGroup()}"`));
  t.match(statSync(socketPath), { gid: userInfo().gid, mode: 0o140660 });
  server.close();
  await once(server, 'close');
  t.notOk(existsSync(socketPath));
  t.throws(() => accessOf(folder, 'socket_group = "no-such-group"'), {
    name: 'StartError',
    message: /server\.socket_group is "no-such-group", which \/etc\/group does not have/,
  });
});

const standing: Record<string, (socketPath: string) => void> = {
  'a file': path => writeFileSync(path, 'precious'),
  'a link to a file': path => {
    writeFileSync(`${path}.txt`, 'precious');
    symlinkSync(`${path}.txt`, path);
  },
};
for (const [what, put] of Object.entries(standing)) {
  t.test(`${what} in its place is left alone`, async t => {
    const { socketPath } = await installOn(t);
    put(socketPath);
    await t.rejects(listening(t, socketPath), { message: /something that is no socket stands there/ });
    t.equal(readFileSync(socketPath, 'utf8'), 'precious');
  });
}

t.test('a socket that another service serves is left alone', async t => {
  const { socketPath } = await installOn(t);
  const first = await listening(t, socketPath);
  await t.rejects(listening(t, socketPath), { message: /the address is taken/ });
  const accepted = once(first, 'connection');
  const client = connect(socketPath);
  await accepted;
  client.destroy();
});

t.test('a folder in which others could replace the socket is refused', async t => {
  const { folder, socketPath } = await installOn(t);
  chmodSync(folder, 0o777);
  await t.rejects(listening(t, socketPath), { message: `run: chmod o-w '${folder}'` });
  chmodSync(folder, 0o1777);
  await listening(t, socketPath);
});

function accessOf(folder: string, settings: string): SocketAccess {
  const file = join(folder, 'access.toml');
  writeFileSync(file, `[server]\nsocket_mode = "0660"\n${settings}`);
  return socketAccess(loadConfig(file, {}));
}

/** A server on the socket, as the service listens. */
async function listening(t: Test, path: string, access: SocketAccess | null = null): Promise<Server> {
  const server = createServer();
  t.teardown(() => server.close());
  await listen(server, { kind: 'unix', path }, access);
  return server;
}

function nameOfOwnGroup(): string {
  return spawnSync('id', ['-gn'], { encoding: 'utf8' }).stdout.trim();
}
