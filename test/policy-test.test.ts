import { join } from 'node:path';
import t from 'tap';
import { install, runCommand, writePolicy } from './helpers/service.ts';

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
  readonly asked: readonly string[];
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
  {
    asked: ['web', 'raed', 'app/db'],
    code: 2,
    says: /^jarvis-secretsd: unknown action "raed"; known are read/,
  },
  { asked: ['web', 'read', 'app//db'], code: 2, says: /^jarvis-secretsd: A name is 1 to 256 characters/ },
  { asked: ['web', 'read'], code: 2, says: /missing required argument 'name'/ },
  { asked: ['web', 'read', 'a', '--why'], code: 2, says: /unknown option '--why'/ },
];

t.test('policy test says what would be decided, by which rule, offline', async t => {
  const installation = await install(t.testdir());
  writePolicy(installation, policy);
  for (const { asked, code, says } of cases) {
    const said = await runCommand(installation, [
      'policy',
      'test',
      ...asked,
      '--config',
      installation.configFile,
    ]);
    t.match(said.output, says, asked.join(' '));
    t.equal(said.code, code, said.output);
  }
});

t.test('policy test cannot say without a policy', async t => {
  const installation = await install(t.testdir());
  writePolicy(installation, 'clients: [');
  const args = ['policy', 'test', 'web', 'read', 'a', '--config', join(installation.folder, 'config.toml')];
  const { code, output } = await runCommand(installation, args);
  t.equal(code, 2);
  t.match(output, /^jarvis-secretsd: The policy \S+ cannot be used: line 1[^\n]*\n$/);
});
