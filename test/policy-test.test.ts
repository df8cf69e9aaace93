import t, { type Test } from 'tap';
import { testPolicyCommand } from '../src/cli/commands/policy-test.ts';
import { type Installation, install, runCommand, writePolicy } from './helpers/service.ts';

const policy = `clients:
  web:
    allow:
      - read app/*
      - app/web/*
    deny:
      - app/web/signing/*
  idle: {}
groups:
  readers:
    members: [idle]
    allow:
      - read shared/*
    deny: ["delete *"]
`;

interface Case {
  readonly asked: readonly [client: string, action: string, name: string];
  readonly code: number;
  readonly says: RegExp;
}

const cases: readonly Case[] = [
  {
    asked: ['web', 'read', 'app/db'],
    code: 0,
    says: /^allowed: \S+policy\.yaml:4: clients\.web\.allow has "read app\/\*"\n$/,
  },
  {
    asked: ['web', 'update', 'app/web/db'],
    code: 0,
    says: /^allowed: \S+policy\.yaml:5: clients\.web\.allow has "app\/web\/\*"\n$/,
  },
  {
    asked: ['web', 'read', 'app/web/signing/key'],
    code: 1,
    says: /^denied: \S+policy\.yaml:7: clients\.web\.deny has "app\/web\/signing\/\*"; a deny rule wins/,
  },
  {
    asked: ['idle', 'read', 'shared/a/b'],
    code: 0,
    says: /^allowed: \S+policy\.yaml:13: groups\.readers\.allow has "read shared\/\*"\n$/,
  },
  {
    asked: ['idle', 'delete', 'shared/a'],
    code: 1,
    says: /^denied: \S+policy\.yaml:14: groups\.readers\.deny has "delete \*"; /,
  },
  {
    asked: ['web', 'purge', 'app/web/db'],
    code: 1,
    says: /^denied: \S+policy\.yaml: no rule for web allows it, and what no rule allows is denied\n$/,
  },
  { asked: ['webb', 'read', 'app/db'], code: 1, says: /^denied: \S+: there is no client "webb"\n$/ },
];

/** What there is no saying about. */
const refused: readonly (readonly [asked: readonly string[], says: RegExp])[] = [
  [['web', 'raed', 'app/db'], /^jarvis-secretsd: unknown action "raed"; known are read[^\n]+\n$/],
  [['web', 'read'], /missing required argument 'name'/],
  [['web', 'read', 'a', '--why'], /unknown option '--why'/],
];

t.test('policy test says what would be decided, by which rule, offline', async t => {
  const { configFile } = await installed(t);
  for (const { asked, code, says } of cases) {
    const [client, action, name] = asked;
    let output = '';
    const print = (text: string) => {
      output += text;
    };
    t.equal(testPolicyCommand({ client, action, name }, configFile, {}, print), code, asked.join(' '));
    t.match(output, says);
  }
});

t.test('it ends with what it found, and with 2 where there is no saying', async t => {
  const installation = await installed(t);
  const run = (asked: readonly string[]) =>
    runCommand(installation, ['policy', 'test', ...asked, '--config', installation.configFile]);
  for (const { asked, code, says } of [cases[0], cases[2]].filter(each => each !== undefined)) {
    const said = await run(asked);
    t.match(said.output, says);
    t.equal(said.code, code);
  }
  for (const [asked, says] of refused) {
    const { code, output } = await run(asked);
    t.match(output, says);
    t.equal(code, 2);
  }
});

t.test('policy test cannot say without a policy, nor for what is no name', async t => {
  const installation = await installed(t);
  const decide = (name: string) => () =>
    testPolicyCommand({ client: 'web', action: 'read', name }, installation.configFile, {}, () => undefined);
  t.throws(decide('app//db'), { message: /^A name is 1 to 256 characters[^\n]+$/ });
  writePolicy(installation, 'clients: [');
  t.throws(decide('a'), { message: /^The policy \S+ cannot be used: line 1[^\n]*$/ });
});

async function installed(t: Test): Promise<Installation> {
  const installation = await install(t.testdir());
  writePolicy(installation, policy);
  return installation;
}
