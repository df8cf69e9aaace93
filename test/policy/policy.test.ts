import { readFile } from 'node:fs/promises';
import t from 'tap';
import { type Action, type Policy, parsePolicy } from '../../src/policy/policy.ts';

function decisions(policy: Policy, client: string, name: string): Record<string, boolean> {
  const all: Action[] = ['read', 'list', 'create', 'update', 'delete', 'rotate', 'purge', 'admin'];
  return Object.fromEntries(all.map(action => [action, policy.allows(client, action, name)]));
}

const everything = { read: true, list: true, create: true, update: true, delete: true, rotate: true };
const nothing = { read: false, list: false, create: false, update: false, delete: false, rotate: false };

t.test('a pattern alone allows all but purge and admin', async t => {
  const policy = parsePolicy('clients: {web: {allow: ["app/*"]}}');
  t.same(decisions(policy, 'web', 'app/db'), { ...everything, purge: false, admin: false });
  t.same(decisions(policy, 'web', 'apps'), { ...nothing, purge: false, admin: false });
});

t.test('a pattern alone denies every action, purge and admin included', async t => {
  const policy = parsePolicy('clients: {web: {allow: ["*", purge *, admin *], deny: [app/db]}}');
  t.same(decisions(policy, 'web', 'app/db'), { ...nothing, purge: false, admin: false });
  t.same(decisions(policy, 'web', 'app/dbs'), { ...everything, purge: true, admin: true });
});

t.test('a rule with an action is about that action only', async t => {
  const policy = parsePolicy(
    'clients: {web: {allow: [app/*], deny: [delete app/*]}, ci: {allow: [rotate app/db]}}',
  );
  t.same(decisions(policy, 'web', 'app/db'), { ...everything, delete: false, purge: false, admin: false });
  t.same(decisions(policy, 'ci', 'app/db'), { ...nothing, rotate: true, purge: false, admin: false });
});

t.test('deny wins wherever it stands and however general it is', async t => {
  const policy = parsePolicy(`
clients:
  web:
    allow: [read app/db/password]
    deny: [read app/*]
`);
  t.equal(policy.allows('web', 'read', 'app/db/password'), false);
});

t.test('a star spans segments and matches nothing at all, too', async t => {
  const policy = parsePolicy('clients: {web: {allow: ["read a*z", "read */key", "read p*q*q"]}}');
  const allowed = (name: string) => policy.allows('web', 'read', name);
  t.ok(allowed('az') && allowed('a/b/c/z') && allowed('x/key') && allowed('x/y/key') && allowed('pqq'));
  t.notOk(allowed('a') || allowed('azb') || allowed('key') || allowed('pq') || allowed('A/z'));
});

t.test('a group gives its rules to its members and to nobody else', async t => {
  const policy = parsePolicy(`
clients:
  web: {allow: [read app/*]}
  billing: {}
  other: {}
groups:
  apps:
    members: [web, billing]
    allow: [read shared/*]
    deny: [read app/root]
`);
  t.ok(policy.allows('web', 'read', 'shared/x') && policy.allows('billing', 'read', 'shared/x'));
  t.notOk(policy.allows('other', 'read', 'shared/x'));
  t.ok(policy.allows('web', 'read', 'app/db'));
  t.notOk(policy.allows('web', 'read', 'app/root'), "the group's deny wins over the client's allow");
});

t.test('explain names the rule that decided and where it stands', async t => {
  const policy = parsePolicy(`clients:
  web:
    allow:
      - read app/*
groups:
  apps:
    members: [web]
    deny:
      - app/root
`);
  t.match(policy.explain('web', 'read', 'app/db'), {
    allowed: true,
    reason: 'allowed_by_rule',
    rule: { effect: 'allow', action: 'read', pattern: 'app/*', source: 'clients.web', line: 4 },
  });
  t.match(policy.explain('web', 'read', 'app/root'), {
    allowed: false,
    reason: 'denied_by_rule',
    rule: { effect: 'deny', action: null, pattern: 'app/root', source: 'groups.apps', line: 9 },
  });
  t.same(policy.explain('web', 'list', 'app/db'), { allowed: false, reason: 'no_rule', rule: null });
  t.same(policy.explain('nobody', 'read', 'app/db'), {
    allowed: false,
    reason: 'unknown_client',
    rule: null,
  });
});

t.test('names of the object prototype are no clients', async t => {
  const policy = parsePolicy('clients: {web: {allow: ["*"]}}');
  for (const client of ['constructor', '__proto__', 'toString', '']) {
    t.notOk(policy.knows(client));
    t.notOk(policy.allows(client, 'read', 'a'));
    t.same(policy.listRanges(client), []);
  }
  t.same(policy.clients, ['web']);
});

t.test('every scalar is text', async t => {
  const policy = parsePolicy('clients: {no: {allow: [read 007]}, 12: {allow: [read 1.0]}}');
  t.ok(policy.allows('no', 'read', '007') && policy.allows('12', 'read', '1.0'));
});

t.test('the shipped policy', async t => {
  const policy = parsePolicy(await readFile(new URL('../../policy.yaml', import.meta.url), 'utf8'));
  t.same(policy.clients, ['admin']);
  t.same(decisions(policy, 'admin', 'any/name'), { ...everything, purge: true, admin: true });
  t.equal(policy.explain('nobody', 'read', 'any/name').reason, 'unknown_client');
  t.same(policy.listRanges('admin'), [{ from: '', to: null }]);
});

t.test('a hostile pattern stays cheap', async t => {
  const pattern = `${'*a'.repeat(120)}*b`;
  const policy = parsePolicy(`clients: {web: {allow: ["read ${pattern}"]}}`);
  const name = `${'a'.repeat(255)}c`;
  const before = process.cpuUsage();
  for (let i = 0; i < 1000; i++) policy.allows('web', 'read', name);
  t.ok(
    process.cpuUsage(before).user < 5e6,
    'microseconds of CPU for a thousand decisions; backtracking would take longer than the universe',
  );
});

t.test('listRanges gives literal prefixes, joined and without what is denied whole', async t => {
  const policy = parsePolicy(`
clients:
  web:
    allow: [list app/*, list app/web/*, list db/one, list x*y, read other/*]
    deny: [app/secret/*, list app/*/key]
  none: {allow: ["*"], deny: ["*"]}
`);
  t.same(policy.listRanges('web'), [
    { from: 'app/', to: 'app/secret/' },
    { from: 'app/secret0', to: 'app0' },
    { from: 'db/one', to: 'db/one-' },
    { from: 'x', to: 'y' },
  ]);
  t.same(policy.listRanges('none'), []);
});

t.test('the name of a certificate belongs to one client, as it stands', async t => {
  const policy = parsePolicy(`
clients:
  web: {certificates: ["URI:spiffe://example.test/web", "DNS:web.internal"]}
  billing: {certificates: ["CN:billing"]}
`);
  t.equal(policy.clientOfCertificate('URI:spiffe://example.test/web', []), 'web');
  t.equal(policy.clientOfCertificate('DNS:web.internal', []), 'web');
  t.equal(policy.clientOfCertificate('CN:billing', []), 'billing');
  const strangers = [
    'URI:spiffe://example.test/web/',
    'URI:spiffe://example.test/we',
    'DNS:WEB.internal',
    'DNS:a.web.internal',
    'DNS:billing',
    'CN:web.internal',
    'web.internal',
    'web',
    '',
    '__proto__',
  ];
  for (const name of strangers) t.equal(policy.clientOfCertificate(name, []), null, name);
});
