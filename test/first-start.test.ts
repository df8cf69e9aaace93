import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t, { type Test } from 'tap';
import { verifyAuditCommand } from '../src/cli/commands/audit-verify.ts';
import { owned } from './helpers/owned.ts';
import { filesIn, type Installation, install } from './helpers/service.ts';
import { chosenSeed, Random } from './stack/random.ts';
import { campaignOnly, isCampaign, stackTimeout } from './stack/tools.ts';

const programs = join(import.meta.dirname, 'first-start');
/** Outside a campaign every sixteenth step is tried. */
const stride = isCampaign ? 1 : 16;
const doubleInterruptions = 40;

// A campaign makes hundreds of starts.
t.setTimeout(isCampaign ? 6 * stackTimeout : stackTimeout);

/** @param step the change before which the process is killed; null for none */
async function start(installation: Installation, step: number | null) {
  const stepsFile = join(installation.folder, 'steps');
  const hook = step === null ? [] : ['--import', join(programs, 'kill-at-step.ts')];
  const command = [process.execPath, ...hook, join(programs, 'start-and-stop.ts'), installation.configFile];
  const { PATH = '', HOME = '', NODE_COMPILE_CACHE = '' } = process.env;
  const env = { PATH, HOME, NODE_COMPILE_CACHE, KILL_AT_STEP: String(step), STEPS_FILE: stepsFile };
  const child = spawn('env', [...owned, 'env', '-u', 'NODE_OPTIONS', ...command], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const [output, [status, signal]] = await Promise.all([text(child.stderr), once(child, 'close')]);
  rmSync(stepsFile, { force: true });
  return { status, isKilled: signal === 'SIGKILL', output: output.trim() };
}

/** Every file that a whole first start leaves, but for the segments of the audit log. */
const files = ['data/vault.db', 'data/vault.db.lock', 'keys/bootstrap.token', 'keys/master.key'];

/** The start after an interruption succeeds, and leaves what an undisturbed first start leaves. */
async function isFinished(t: Test, installation: Installation, what: string): Promise<void> {
  const next = await start(installation, null);
  if (next.status !== 0) t.fail(`${what}: ${next.output}`);
  const found = filesIn(installation.folder).filter(file => /^(data|keys)\/[^/]+$/.test(file));
  t.same(found, files, `${what}: nothing else is left`);
  let report = '';
  const code = await verifyAuditCommand(installation.configFile, {}, text => {
    report += text;
  });
  t.equal(code, 0, `${what}: ${report}`);
}

function removeAll({ folder }: Installation): void {
  for (const part of ['data', 'keys']) rmSync(join(folder, part), { recursive: true, force: true });
}

t.test('a first start that is killed before any change to a file is finished by the next one', async t => {
  let step = 1;
  let isOver = false;
  const tryOn = async (folder: string) => {
    const installation = await install(folder);
    while (!isOver) {
      const own = step;
      step += stride;
      removeAll(installation);
      const { isKilled, status, output } = await start(installation, own);
      if (isKilled) {
        await isFinished(t, installation, `step ${own}, ${output}`);
      } else {
        t.equal(status, 0, output);
        isOver = true;
      }
    }
  };
  const folder = t.testdir();
  await Promise.all([tryOn(join(folder, 'a')), tryOn(join(folder, 'b'))]);
  t.ok(step > 30, `${step} steps`);
});

t.test('a first start that is killed twice', { skip: campaignOnly }, async t => {
  const seed = chosenSeed(process.env);
  const random = new Random(seed);
  t.comment(`seed ${seed}`);
  const installation = await install(t.testdir());
  for (let run = 0; run < doubleInterruptions; run++) {
    removeAll(installation);
    const kills: string[] = [];
    for (let kill = 0; kill < 2; kill++) {
      const step = 1 + random.below(110);
      const { output } = await start(installation, step);
      kills.push(`step ${step}, ${output}`);
    }
    await isFinished(t, installation, kills.join('; '));
  }
});
