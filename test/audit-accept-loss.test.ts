import { cpSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { acceptLossCommand } from '../src/cli/commands/audit-accept-loss.ts';
import { type Installation, install, runCommand } from './helpers/service.ts';
import { startInProcess } from './helpers/service-in-process.ts';
import { stackTimeout } from './stack/tools.ts';

t.setTimeout(stackTimeout);

/** A stopped service's folder with an audit log of several segments. */
const original = await install(t.testdir(), { JARVIS_SECRETSD_AUDIT_SEGMENT_BYTES: '4096' });
const service = await startInProcess(original);
await service.request('POST', '/secret', { name: 'a', value: 'v' });
for (let reads = 0; reads < 20; reads++) await service.request('GET', '/secret/a');
await service.stop();

function copyOf(folder: string): Installation {
  cpSync(original.folder, folder, { recursive: true });
  return { ...original, folder, configFile: join(folder, 'config.toml') };
}

function run(installation: Installation, ...args: string[]) {
  return runCommand(installation, ['audit', ...args, '--config', installation.configFile]);
}

function segments({ folder }: Installation): string[] {
  const audit = join(folder, 'data/audit');
  return readdirSync(audit)
    .sort()
    .map(file => join(audit, file));
}

t.test('from a refused start to a running service', async t => {
  const copy = copyOf(t.testdir());
  truncateSync(segments(copy).at(-1) ?? '');
  rmSync(segments(copy)[1] ?? '');
  const refused = await runCommand(copy, ['--config', copy.configFile]);
  t.equal(refused.code, 2);
  t.match(refused.output, /is missing, and the vault remembers it.*jarvis-secretsd audit accept-loss/);

  const unasked = await run(copy, 'accept-loss', '--reason', 'the disk died');
  t.equal(unasked.code, 1);
  t.match(unasked.output, /- audit-\d+\.jsonl: records \d+ to \d+ are missing\n/);
  t.match(unasked.output, /Nothing is accepted: nobody can be asked here\. Run this with --yes/);
  t.equal((await runCommand(copy, ['--config', copy.configFile])).code, 2, 'nothing was accepted');

  const accepted = await run(copy, 'accept-loss', '--reason', 'the disk died', '--yes');
  t.equal(accepted.code, 0, accepted.output);
  t.match(accepted.output, /2 losses are accepted and recorded in audit-\d+\.jsonl/);
  const again = await startInProcess(copy);
  t.equal((await again.request('GET', '/secret/a')).status, 200);
  const busy = await run(copy, 'accept-loss', '--reason', 'x', '--yes');
  t.equal(busy.code, 75, 'not next to a running service');
  t.match(busy.output, /another/);
  await again.stop();

  const verified = await run(copy, 'verify');
  t.equal(verified.code, 0, verified.output);
  t.match(verified.output, /accepted loss: .* missing; accepted at .*: "the disk died"\n/);
  t.match(verified.output, /the audit log is whole but for 2 accepted losses: /);

  const whole = await run(copy, 'accept-loss', '--reason', 'x', '--yes');
  t.equal(whole.code, 1);
  t.match(whole.output, /Nothing is accepted: the audit log is whole\./);
});

const answers: readonly (readonly [string | null, 0 | 1])[] = [
  ['accept', 0],
  ['no', 1],
  ['', 1],
  [null, 1],
];

for (const [answer, expected] of answers) {
  t.test(`who is asked and answers ${JSON.stringify(answer)}`, async t => {
    const copy = copyOf(t.testdir());
    rmSync(segments(copy)[0] ?? '');
    let printed = '';
    const code = await acceptLossCommand(
      copy.configFile,
      {},
      { reason: 'a test', yes: false },
      {
        print: text => {
          printed += text;
        },
        ask: async question => {
          t.match(printed, /records 1 to \d+ are missing/, 'it is shown first');
          t.match(question, /Type "accept"/);
          return answer;
        },
      },
    );
    t.equal(code, expected, printed);
  });
}

t.test('a reason is needed', async t => {
  const dialogue = { print: () => undefined, ask: async () => null };
  for (const reason of ['', ' ', 'x'.repeat(501)]) {
    const command = acceptLossCommand(original.configFile, {}, { reason, yes: true }, dialogue);
    await t.rejects(command, { name: 'StartError', message: /--reason must say/ });
  }
  t.equal((await run(original, 'accept-loss', '--yes')).code, 2);
});
