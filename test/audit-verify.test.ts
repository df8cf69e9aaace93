import { copyFileSync, cpSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { verifyAuditCommand } from '../src/cli/commands/audit-verify.ts';
import { type Installation, install, runCommand } from './helpers/service.ts';
import { startInProcess } from './helpers/service-in-process.ts';

/** A stopped service's folder with an audit log of several segments. */
const original = await install(t.testdir(), { JARVIS_SECRETSD_AUDIT_SEGMENT_BYTES: '4096' });
const service = await startInProcess(original);
await service.request('POST', '/secret', { name: 'a', value: 'v' });
for (let reads = 0; reads < 30; reads++) await service.request('GET', '/secret/a');

function run(installation: Installation, command = 'verify') {
  return runCommand(installation, ['audit', command, '--config', installation.configFile]);
}

/** In this process, as the executable would. */
async function verify({ configFile }: Installation): Promise<{ code: number; output: string }> {
  let output = '';
  const code = await verifyAuditCommand(configFile, {}, text => {
    output += text;
  });
  return { code, output };
}

/** A folder of its own with what the service has left. */
function copyOf(folder: string): Installation {
  cpSync(original.folder, folder, { recursive: true });
  return { ...original, folder, configFile: join(folder, 'config.toml') };
}

t.test('a whole log verifies, beside the running service and after it', async t => {
  const beside = await run(original);
  t.equal(beside.code, 0, beside.output);
  await t.resolves(service.stop());
  const after = await verify(original);
  t.equal(after.code, 0, after.output);
  t.match(after.output, /the audit log is whole: 32 records, [3-9] segments/);
});

const damages: Record<string, (files: readonly string[]) => void> = {
  'a flipped byte': ([, file = '']) => {
    const bytes = readFileSync(file);
    const at = bytes.indexOf('"client":"admin"') + 11;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(file, bytes);
  },
  'a dropped line': ([, file = '']) => editLines(file, lines => lines.toSpliced(3, 1)),
  'a dropped last line': files => editLines(files.at(-1) ?? '', lines => lines.slice(0, -1)),
  'two lines swapped': ([, file = '']) =>
    editLines(file, lines => [...lines.slice(0, 3), ...lines.slice(3, 5).reverse(), ...lines.slice(5)]),
  'the first segment deleted': ([file = '']) => rmSync(file),
  'a middle segment deleted': ([, file = '']) => rmSync(file),
  'the last segment deleted': files => rmSync(files.at(-1) ?? ''),
  'a segment replaced by another': ([first = '', second = '']) => copyFileSync(first, second),
};

for (const [what, damage] of Object.entries(damages)) {
  t.test(what, async t => {
    const copy = copyOf(t.testdir());
    const audit = join(copy.folder, 'data/audit');
    damage(
      readdirSync(audit)
        .sort()
        .map(file => join(audit, file)),
    );
    const { code, output } = await verify(copy);
    t.equal(code, 1, output);
    t.match(output, /audit-\d+\.jsonl:\d+: /, 'says where');
    t.match(output, /the audit log is damaged or incomplete: [1-9]\d* problem/);
  });
}

const unable: Record<string, readonly [(folder: string) => void, RegExp]> = {
  'a wrong key': [
    folder => writeFileSync(join(folder, 'keys/master.key'), Buffer.alloc(32, 7)),
    /master key/,
  ],
  'no key': [folder => rmSync(join(folder, 'keys/master.key')), /no master key at/],
  'no vault': [folder => rmSync(join(folder, 'data/vault.db')), /no vault at/],
  'nothing at all': [
    folder => ['keys', 'data'].map(each => rmSync(join(folder, each), { recursive: true })),
    /no vault at/,
  ],
  'no configuration': [folder => rmSync(join(folder, 'config.toml')), /config\.toml: there is no such/],
};

for (const [what, [damage, message]] of Object.entries(unable)) {
  t.test(`${what}: verify cannot say, and makes nothing`, async t => {
    const copy = copyOf(t.testdir());
    damage(copy.folder);
    const before = readdirSync(copy.folder, { recursive: true });
    await t.rejects(verify(copy), { name: 'StartError', message });
    t.same(readdirSync(copy.folder, { recursive: true }), before);
  });
}

t.test('it ends with 1 where the log does not hold, and with 2 where there is no saying', async t => {
  const copy = copyOf(t.testdir());
  rmSync(join(copy.folder, `data/audit/${readdirSync(join(copy.folder, 'data/audit')).sort()[1]}`));
  const damaged = await run(copy);
  t.equal(damaged.code, 1);
  t.match(damaged.output, /the audit log is damaged or incomplete: [1-9]\d* problem/);
  rmSync(join(copy.folder, 'keys/master.key'));
  const before = readdirSync(copy.folder, { recursive: true });
  const unable = await run(copy);
  t.equal(unable.code, 2);
  t.match(unable.output, /^jarvis-secretsd: [^\n]+\n$/, 'one line');
  t.same(readdirSync(copy.folder, { recursive: true }), before);
});

function editLines(file: string, edit: (lines: string[]) => string[]): void {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  writeFileSync(file, `${edit(lines).join('\n')}\n`);
}

t.test('with the public key alone: no configuration, no vault, no master key', async t => {
  const copy = copyOf(t.testdir());
  const key = join(copy.folder, 'audit-key.pem');
  const printed = await run(copy, 'key');
  t.match(printed.output, /^-----BEGIN PUBLIC KEY-----\n/);
  writeFileSync(key, printed.output);
  const elsewhere = join(copy.folder, 'elsewhere');
  renameSync(join(copy.folder, 'data/audit'), elsewhere);
  for (const gone of ['data', 'keys', 'config.toml']) rmSync(join(copy.folder, gone), { recursive: true });
  const verifyFolder = () => runCommand(copy, ['audit', 'verify', '--public-key', key, elsewhere]);
  const whole = await verifyFolder();
  t.equal(whole.code, 0, whole.output);
  t.match(
    whole.output,
    /^the signed audit log holds: 32 records, .* 0 lines after the last one, vault [0-9a-f-]{36}, key/,
  );

  const [first = ''] = readdirSync(elsewhere).sort();
  editLines(join(elsewhere, first), lines =>
    lines.with(2, (lines[2] ?? '').replace('"time":"2', '"time":"1')),
  );
  const damaged = await verifyFolder();
  t.equal(damaged.code, 1);
  t.match(damaged.output, new RegExp(`^${first}:3: the content does not match its hash\n`));

  for (const args of [['--public-key', key], [elsewhere]]) {
    const { code, output } = await runCommand(copy, ['audit', 'verify', ...args]);
    t.equal(code, 2);
    t.match(output, /a folder and --public-key belong together/);
  }
  writeFileSync(key, 'no key');
  t.match(await verifyFolder(), { code: 2, output: /audit-key\.pem holds no public key/ });
});
