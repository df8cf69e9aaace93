import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { env } from 'node:process';
import t, { type Test } from 'tap';
import { verifyAuditCommand } from '../src/cli/commands/audit-verify.ts';
import { install, type RunningService, startService, waitFor } from './helpers/service.ts';
import { chosenSeed, Random } from './stack/random.ts';
import { isCampaign, stackTimeout } from './stack/tools.ts';

/** So many against one service: its log grows, and a verification reads all of it. */
const runsPerService = isCampaign ? 50 : 10;
/** JARVIS_VERIFICATIONS is how many a campaign makes. */
const runs = isCampaign ? Number(env['JARVIS_VERIFICATIONS'] ?? 200) : 20;
const seed = chosenSeed(env);

t.setTimeout(isCampaign ? 3 * stackTimeout : stackTimeout);

interface Busy {
  readonly service: RunningService;
  readonly configFile: string;
  readonly segments: () => string[];
  /** Ends the writers; resolves when their last answer has come. */
  quiet(): Promise<void>;
}

/** A service that several clients change and read without a pause, on segments that are soon full. */
async function startBusy(t: Test, random: Random): Promise<Busy> {
  const installation = await install(t.testdir(), {
    JARVIS_SECRETSD_AUDIT_SEGMENT_BYTES: String(random.pick([4096, 8192, 20_000, 100_000])),
    JARVIS_SECRETSD_AUDIT_SYNC: random.pick(['always', 'changes']),
  });
  const service = await startService(installation);
  let isOver = false;
  const write = async (client: number) => {
    for (let count = 0; !isOver; count += 1) {
      const name = `live/${client}/${count % 5}`;
      const method = count % 7 === 6 ? 'DELETE' : count % 3 === 0 ? 'PUT' : 'GET';
      const answer = await service.request(
        method,
        `/secret/${name}`,
        method === 'PUT' ? { value: 'v' } : undefined,
      );
      await answer.text();
    }
  };
  const writing = Promise.all(Array.from({ length: 1 + random.below(4) }, (_, client) => write(client)));
  const folder = join(installation.folder, 'data/audit');
  const segments = () =>
    readdirSync(folder)
      .sort()
      .map(file => join(folder, file));
  return {
    service,
    configFile: installation.configFile,
    segments,
    async quiet() {
      isOver = true;
      await writing;
    },
  };
}

async function verify(configFile: string): Promise<{ code: number; output: string }> {
  let output = '';
  const code = await verifyAuditCommand(configFile, {}, text => {
    output += text;
  });
  return { code, output };
}

t.test(`${runs} verifications next to a service that writes raise no false alarm`, async t => {
  t.comment(`JARVIS_FUZZ_SEED=${seed}`);
  const random = new Random(seed);
  const alarms: string[] = [];
  for (let done = 0; done < runs; done += runsPerService) {
    const busy = await startBusy(t, random);
    for (let run = 0; run < runsPerService; run += 1) {
      const { code, output } = await verify(busy.configFile);
      if (code !== 0) alarms.push(output);
    }
    await busy.quiet();
    t.equal(await busy.service.stop(), 0);
    t.match(await verify(busy.configFile), { code: 0 }, 'and none when it has ended');
  }
  t.same(alarms, []);
});

/** What somebody does to a segment that is closed, and then to the log's end. */
const tamperings: Record<string, (closed: string) => void> = {
  'a byte changed': file => {
    const bytes = readFileSync(file);
    const at = bytes.indexOf('"client":"admin"') + 11;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(file, bytes);
  },
  'a line dropped': file => {
    const lines = readFileSync(file, 'utf8').split('\n');
    writeFileSync(file, lines.toSpliced(2, 1).join('\n'));
  },
  'the end cut off': file => {
    const bytes = readFileSync(file);
    truncateSync(file, bytes.lastIndexOf('\n', bytes.length - 2) + 1);
  },
  'all cut off': file => truncateSync(file, 0),
  'the file removed': file => rmSync(file),
};

for (const [what, tamper] of Object.entries(tamperings)) {
  t.test(`a closed segment while the service writes: ${what}`, async t => {
    const busy = await startBusy(t, new Random(seed));
    await waitFor(() => busy.segments().length > 2);
    const [first = '', second = ''] = busy.segments();
    tamper(second === '' ? first : second);
    for (let run = 0; run < (isCampaign ? 30 : 2); run += 1) {
      const { code, output } = await verify(busy.configFile);
      t.equal(code, 1, output);
    }
    await busy.quiet();
    await busy.service.stop('SIGKILL');
  });
}
