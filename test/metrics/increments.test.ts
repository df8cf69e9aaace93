import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { type AskedService, install, writePolicy } from '../helpers/service.ts';
import { startInProcess } from '../helpers/service-in-process.ts';
import { answered, contract, type Increments, incrementsOf, refused, succeeded } from './contract.ts';

const policy = `
clients:
  admin: { allow: ["*", "purge *", "admin *"] }
  web: { allow: ["rotate app/db"] }
`;

/** A decided read, change and refusal, each with its audit records. */
const changed = { ...succeeded, rbac_allowed_total: 1, audit_events_total: 2 };
const stored = { ...changed, encryption_ops_total: 1 };
const read = { ...succeeded, rbac_allowed_total: 1, audit_events_total: 1 };
const failed = { ...refused, rbac_allowed_total: 1, audit_events_total: 1 };
const denied = { ...refused, rbac_denied_total: 1, audit_events_total: 1 };

interface Case {
  readonly what: string;
  readonly request: readonly [method: string, path: string, body?: unknown, headers?: Record<string, string>];
  readonly status: number;
  readonly moves: Increments;
}

/** In order: each goes on from where the one before it left the vault. */
const cases: readonly Case[] = [
  {
    what: 'create',
    request: ['POST', '/secret', { name: 'app/db', value: 'v1' }],
    status: 201,
    moves: { ...stored, secrets_created_total: 1, secrets_total: 1 },
  },
  {
    what: 'create again',
    request: ['POST', '/secret', { name: 'app/db', value: 'v1' }],
    status: 409,
    moves: failed,
  },
  {
    what: 'read',
    request: ['GET', '/secret/app/db'],
    status: 200,
    moves: { ...read, secrets_retrieved_total: 1, decryption_ops_total: 1 },
  },
  {
    what: 'read what the caller has',
    request: ['GET', '/secret/app/db', undefined, { 'if-none-match': '"1"' }],
    status: 304,
    moves: { ...answered, rbac_allowed_total: 1, audit_events_total: 1 },
  },
  { what: 'read nothing', request: ['GET', '/secret/app/none'], status: 404, moves: failed },
  {
    what: 'a version more',
    request: ['PUT', '/secret/app/db', { value: 'v2' }],
    status: 200,
    moves: stored,
  },
  {
    what: 'an older version',
    request: ['GET', '/secret/app/db?version=1'],
    status: 200,
    moves: { ...read, secrets_retrieved_total: 1, decryption_ops_total: 1 },
  },
  {
    what: 'compare-and-set that fails',
    request: ['PUT', '/secret/app/db', { value: 'v3' }, { 'if-match': '"1"' }],
    status: 412,
    moves: failed,
  },
  {
    what: 'put a new name',
    request: ['PUT', '/secret/app/new', { value: 'v1' }],
    status: 201,
    moves: { ...stored, secrets_created_total: 1, secrets_total: 1 },
  },
  {
    what: 'stage a version',
    request: ['PUT', '/secret/app/db', { value: 'v3', activate: false }],
    status: 200,
    moves: stored,
  },
  {
    what: 'activate',
    request: ['POST', '/activate', { name: 'app/db', version: 3 }],
    status: 200,
    moves: changed,
  },
  {
    what: 'delete',
    request: ['DELETE', '/secret/app/new'],
    status: 204,
    moves: { ...changed, secrets_total: -1 },
  },
  {
    what: 'undelete',
    request: ['POST', '/undelete', { name: 'app/new' }],
    status: 200,
    moves: { ...changed, secrets_total: 1 },
  },
  {
    what: 'stage a version of a new name, which is not live before it has an active one',
    request: ['PUT', '/secret/app/staged', { value: 'v1', activate: false }],
    status: 201,
    moves: { ...stored, secrets_created_total: 1 },
  },
  {
    what: 'activate it',
    request: ['POST', '/activate', { name: 'app/staged', version: 1 }],
    status: 200,
    moves: { ...changed, secrets_total: 1 },
  },
  { what: 'list', request: ['GET', '/secrets'], status: 200, moves: read },
  { what: 'versions', request: ['GET', '/versions/app/db'], status: 200, moves: read },
  {
    what: 'rotate two',
    request: ['POST', '/rotate', { names: ['app/db', 'app/new'] }],
    status: 200,
    moves: {
      ...succeeded,
      rbac_allowed_total: 2,
      encryption_ops_total: 2,
      secrets_rotated_total: 2,
      audit_events_total: 4,
    },
  },
  {
    what: 'rotate one that exists and one that does not',
    request: ['POST', '/rotate', { names: ['app/db', 'app/none'] }],
    status: 404,
    moves: { ...refused, rbac_allowed_total: 2, audit_events_total: 2 },
  },
  {
    what: 'purge',
    request: ['DELETE', '/secret/app/new?purge=true'],
    status: 204,
    moves: { ...changed, secrets_total: -1 },
  },
  {
    what: 'denied read',
    request: ['GET', '/secret/app/db', undefined, { 'x-jarvis-client': 'nobody' }],
    status: 403,
    moves: denied,
  },
  {
    what: 'rotate two, of which one is denied',
    request: ['POST', '/rotate', { names: ['app/db', 'app/staged'] }, { 'x-jarvis-client': 'web' }],
    status: 403,
    moves: { ...refused, rbac_allowed_total: 1, rbac_denied_total: 1, audit_events_total: 1 },
  },
  {
    what: 'neither was rotated',
    request: ['GET', '/secret/app/db', undefined, { 'if-none-match': '"4"' }],
    status: 304,
    moves: { ...answered, rbac_allowed_total: 1, audit_events_total: 1 },
  },
  {
    what: 'denied list',
    request: ['GET', '/secrets', undefined, { 'x-jarvis-client': 'nobody' }],
    status: 403,
    moves: denied,
  },
  {
    what: 'no client',
    request: ['GET', '/secret/app/db', undefined, { 'x-jarvis-client': '' }],
    status: 401,
    moves: { ...refused, audit_events_total: 1 },
  },
  {
    what: 'no client again in the same minute',
    request: ['GET', '/secret/app/db', undefined, { 'x-jarvis-client': '' }],
    status: 401,
    moves: refused,
  },
  { what: 'not valid', request: ['POST', '/secret', { name: 5 }], status: 400, moves: refused },
  { what: 'no such path', request: ['GET', '/nothing'], status: 404, moves: refused },
  { what: 'no such method', request: ['PATCH', '/secrets'], status: 405, moves: refused },
  { what: 'not decodable', request: ['GET', '/secret/%zz'], status: 400, moves: refused },
  { what: 'health', request: ['GET', '/healthz'], status: 200, moves: succeeded },
  { what: 'readiness', request: ['GET', '/readyz'], status: 200, moves: succeeded },
];

t.test('each cause moves exactly its metrics', async t => {
  const installation = await install(t.testdir());
  writePolicy(installation, policy);
  const service = await startInProcess(installation);

  const first = await service.scrape();
  for (const name of contract)
    t.equal(first.get(name), name === 'http_requests_total' ? 1 : 0, `first ${name}`);
  for (const bound of ['0.001', '0.005', '0.01', '0.025', '0.05', '0.1', '+Inf']) {
    t.equal(first.get(`http_request_duration_seconds_bucket{le="${bound}"}`), 0, `first bucket ${bound}`);
  }

  for (const { what, request, status, moves } of cases) {
    const increments = await incrementsOf(service, async () => {
      const answer = await service.request(...request);
      await answer.arrayBuffer();
      t.equal(answer.status, status, what);
    });
    t.same(increments, moves, `${what}: what moves`);
  }

  const malformed = await incrementsOf(service, () => sendRaw(service, 'NONSENSE\r\n\r\n'));
  t.same(malformed, refused, 'a malformed request line');

  const aborted = await incrementsOf(service, () => sendHalf(service));
  t.same(aborted, answered, 'an aborted request is neither a success nor an error');
  await service.stop();
});

t.test('with tokens, too, each cause moves exactly its metrics', async t => {
  const installation = await install(t.testdir(), { JARVIS_SECRETSD_SECURITY_IDENTITY: 'token' });
  writePolicy(installation, policy);
  const service = await startInProcess(installation);
  const as = (token: string) => ({ authorization: `Bearer ${token}` });
  const bootstrap = readFileSync(join(installation.folder, 'keys/bootstrap.token'), 'utf8').trimEnd();
  const issued: { id: string; token: string }[] = [];
  const issue = async (by: string, client: string) => {
    const answer = await service.request('POST', '/tokens', { client }, as(by));
    issued.push((await answer.json()) as { id: string; token: string });
    return answer.status;
  };
  const ask = async (token: string, method: string, path: string, body?: unknown) => {
    const answer = await service.request(method, path, body, as(token));
    await answer.arrayBuffer();
    return answer.status;
  };
  const token = (index: number) => issued[index]?.token ?? '';
  const id = (index: number) => issued[index]?.id;

  const steps: readonly (readonly [string, () => Promise<number>, number, Increments])[] = [
    ['a token by the bootstrap', () => issue(bootstrap, 'web'), 201, changed],
    [
      'an admin token, which ends the bootstrap',
      () => issue(bootstrap, 'admin'),
      201,
      { ...changed, audit_events_total: 4 },
    ],
    ['a token for nobody', () => ask(token(1), 'POST', '/tokens', { client: 'nobody' }), 409, failed],
    ['a token that may not be made', () => ask(token(0), 'POST', '/tokens', { client: 'web' }), 403, denied],
    ['a request for none', () => ask(token(1), 'POST', '/tokens', { client: 5 }), 400, refused],
    ['list', () => ask(token(1), 'GET', '/tokens'), 200, read],
    ['denied list', () => ask(token(0), 'GET', '/tokens'), 403, denied],
    ['denied revocation', () => ask(token(0), 'DELETE', `/tokens/${id(1)}`), 403, denied],
    ['revoke', () => ask(token(1), 'DELETE', `/tokens/${id(0)}`), 204, changed],
    ['revoke again', () => ask(token(1), 'DELETE', `/tokens/${id(0)}`), 204, read],
    ['revoke nothing', () => ask(token(1), 'DELETE', '/tokens/t-0000000000000000'), 404, failed],
    [
      'a token that was revoked',
      () => ask(token(0), 'GET', '/secrets'),
      401,
      { ...refused, audit_events_total: 1 },
    ],
    ['again in the same minute', () => ask(token(0), 'GET', '/secrets'), 401, refused],
  ];
  for (const [what, step, status, moves] of steps) {
    const increments = await incrementsOf(service, async () => t.equal(await step(), status, what));
    t.same(increments, moves, `${what}: what moves`);
  }
  await service.stop();
});

async function sendRaw(service: AskedService, bytes: string): Promise<void> {
  const { hostname, port } = new URL(service.url);
  const socket = connect(Number(port), hostname);
  socket.end(bytes);
  socket.resume();
  await once(socket, 'close');
}

/** Breaks off between head and body, once the service has said that it read the head. */
async function sendHalf(service: AskedService): Promise<void> {
  const { hostname, port } = new URL(service.url);
  const socket = connect(Number(port), hostname);
  socket.write(
    'POST /secret HTTP/1.1\r\nHost: localhost\r\nX-Jarvis-Client: admin\r\nContent-Type: application/json\r\n' +
      'Content-Length: 99\r\nExpect: 100-continue\r\n\r\n',
  );
  await once(socket, 'data');
  socket.resetAndDestroy();
  await once(socket, 'close');
}
