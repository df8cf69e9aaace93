import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { env } from 'node:process';
import t, { type Test } from 'tap';
import { checkConfigCommand } from '../../src/cli/commands/check-config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { StartError } from '../../src/errors.ts';
import { PolicyError, parsePolicy } from '../../src/policy/policy.ts';
import { checkout, install, runCommand } from '../helpers/service.ts';
import { mutate } from './mutation.ts';
import { chosenSeed, Random } from './random.ts';
import { campaignOnly } from './tools.ts';

const cases = 3000;
const runs = 24;
/** Milliseconds: no text, however broken, may keep the start waiting. */
const longest = 2000;

const configTokens = [
  ...(['[', ']', '[[', '"', "'''", '=', '\n', '#', ',', '.', '{', '}', '\0', '\x7f'] as const),
  ...['server', '[limits]\n', '__proto__', 'constructor', '1e999', '-1', 'nan', '0x10', 'true', '2026-01-01'],
  ...['99999999999999999999', '\\u0000', '\ufeff', 'unix://', '"\\ud800"', 'bind_addr = "0.0.0.0:1"\n'],
] as const;
const policyTokens = [
  ...([
    ':',
    '- ',
    '"',
    "'",
    '*',
    '&a',
    '*a',
    '<<: *a',
    '!!js/function',
    '|',
    '>',
    '{',
    '}',
    '[',
    ']',
    '\t',
  ] as const),
  ...[
    '\n',
    '---\n',
    '...\n',
    '#',
    '%YAML 9.9\n',
    '? ',
    '\0',
    '\ufeff',
    '__proto__',
    'constructor',
    'null',
    '~',
  ],
  ...['allow:', 'deny:', 'groups:', 'members:', 'admin', 'read ', '/', '..', '//', '**', '\\', '\u2028'],
] as const;
const policy = `${readFileSync(join(checkout, 'policy.yaml'), 'utf8')}
  web: { allow: [read app/web/*, "list *"], deny: ["app/web/signing/*"] }
groups:
  readers:
    members: [web]
    allow: [read shared/*]
`;

const seed = chosenSeed(env);
t.comment(`JARVIS_FUZZ_SEED=${seed}`);
t.setTimeout(300_000);

t.test('a damaged configuration is refused in one line, or is one', { skip: campaignOnly }, async t => {
  const folder = t.testdir({ 'policy.yaml': policy });
  const file = join(folder, 'config.toml');
  const shipped = readFileSync(join(checkout, 'config.toml'));
  // Short, so that damage seldom falls into a comment.
  const bare = Buffer.from(shipped.toString().replaceAll(/ +#.*|^#.*\n/gm, ''));
  damagedTexts(t, bare, configTokens, text => {
    writeFileSync(file, text);
    loadConfig(file, {});
    checkConfigCommand(file, {}, null);
  });
});

t.test(
  'a damaged policy is refused in one line with its place, or is one',
  { skip: campaignOnly },
  async t => {
    damagedTexts(t, Buffer.from(policy), policyTokens, text => {
      const parsed = parsePolicy(text.toString());
      for (const client of parsed.clients) parsed.explain(client, 'read', 'app/web/db');
    });
  },
);

t.test(
  'the executable ends with 2 and one line, or says that all is well',
  { skip: campaignOnly },
  async t => {
    const random = new Random(seed);
    const installation = await install(t.testdir());
    const shipped = readFileSync(installation.configFile);
    const damagePolicy = (index: number) => index % 2 === 0;
    for (let index = 0; index < runs; index++) {
      const [text, tokens] = damagePolicy(index)
        ? [Buffer.from(policy), policyTokens]
        : [shipped, configTokens];
      writeFileSync(installation.configFile, damagePolicy(index) ? shipped : mutate(text, random, tokens));
      writeFileSync(
        join(installation.folder, 'policy.yaml'),
        damagePolicy(index) ? mutate(text, random, tokens) : policy,
      );
      const { code, output } = await runCommand(installation, [
        '--check-config',
        '--config',
        installation.configFile,
      ]);
      t.ok(code === 0 || code === 2, `exit code ${code}`);
      t.match(output, code === 2 ? /^jarvis-secretsd: [^\n]+\n$/ : /can be used\n$/);
    }
  },
);

/** @param use throws what the start would show */
function damagedTexts(
  t: Test,
  text: Buffer,
  tokens: readonly [string, ...string[]],
  use: (text: Buffer) => void,
): void {
  const random = new Random(seed);
  const wrong: string[] = [];
  let refused = 0;
  for (let count = 0; count < cases && wrong.length < 5; count++) {
    const damaged = mutate(text, random, tokens);
    const started = performance.now();
    try {
      use(damaged);
    } catch (error) {
      refused++;
      const isForPeople = error instanceof StartError || error instanceof PolicyError;
      if (!isForPeople || !/^[^\n\r]{1,2000}$/.test(error.message))
        wrong.push(`${String(error)} for ${JSON.stringify(damaged.toString())}`);
    }
    if (performance.now() - started > longest)
      wrong.push(`took too long: ${JSON.stringify(damaged.toString())}`);
  }
  t.same(wrong, []);
  t.ok(refused > cases / 10 && refused < cases, `both were met: ${refused} of ${cases} refused`);
}
