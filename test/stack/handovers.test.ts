/**
 * Handovers and restarts on passed sockets, under clients that never pause: no request fails, no acknowledged change is lost, and never
 * do two processes write. JARVIS_HANDOVERS is how many of each; half of them are over TLS.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { createAuthority, loopback } from '../helpers/certificates.ts';
import { ServiceChain } from '../helpers/chain.ts';
import { Load, LoadClient } from '../helpers/load.ts';
import { executable, type Installation, install, runCommand } from '../helpers/service.ts';
import { SocketHolder, skipWithoutPython } from '../helpers/socket-holder.ts';
import { until } from './programs.ts';
import { chosenSeed, Random } from './random.ts';
import { campaignOnly } from './tools.ts';

t.setTimeout(3_600_000);

const clientsCount = 32;
const rounds = Math.ceil(Number(process.env['JARVIS_HANDOVERS'] ?? 8) / 2);
const seed = chosenSeed(process.env);
/** Between one handover and the next, at the most. */
const longestPauseMs = 400;

interface Target {
  readonly installation: Installation;
  readonly url: string;
  readonly ca: string | undefined;
}

async function prepare(t: Test, tls: boolean): Promise<Target> {
  const folder = t.testdir({});
  if (!tls) {
    const installation = await install(folder);
    return { installation, url: `http://127.0.0.1:${installation.port}`, ca: undefined };
  }
  const authority = await createAuthority('servers');
  const pair = await authority.issue(loopback);
  writeFileSync(join(folder, 'server.crt'), pair.certificate);
  writeFileSync(join(folder, 'server.key'), pair.key, { mode: 0o600 });
  const installation = await install(folder, {
    JARVIS_SECRETSD_SERVER_TLS_CERTIFICATE_FILE: join(folder, 'server.crt'),
    JARVIS_SECRETSD_SERVER_TLS_KEY_FILE: join(folder, 'server.key'),
  });
  return { installation, url: `https://127.0.0.1:${installation.port}`, ca: authority.certificate };
}

function startLoad({ url, ca }: Target): Load {
  const clients = Array.from(
    { length: clientsCount },
    (_, index) => new LoadClient({ url, ca, keepAlive: index % 2 === 0, secret: `load/${index}` }),
  );
  return new Load(clients, 8);
}

/** Ends the load, and looks at what it met and what is stored. */
async function judge(t: Test, load: Load): Promise<void> {
  const tally = await load.stop();
  const lost: string[] = [];
  for (const client of load.clients) await client.read().catch(error => lost.push(String(error)));
  for (const client of load.clients) client.close();
  t.comment(`seed ${seed}: ${rounds} rounds, ${tally.answered} requests answered`);
  t.same(
    { failed: tally.failures.length, refused: tally.refused, lost, examples: tally.failures.slice(0, 5) },
    { failed: 0, refused: 0, lost: [], examples: [] },
  );
}

async function isWhole(t: Test, { installation }: Target, epochs: readonly unknown[]): Promise<void> {
  t.same(
    epochs,
    epochs.map((_, index) => index + 1),
    'each process took the next epoch',
  );
  const args = ['audit', 'verify', '--config', installation.configFile];
  const { code, output } = await runCommand({ ...installation, executable }, args);
  t.equal(code, 0, output);
}

for (const tls of [false, true]) {
  t.test(`handovers by SIGUSR2, ${tls ? 'with' : 'without'} TLS`, { skip: campaignOnly }, async t => {
    const random = new Random(seed);
    const target = await prepare(t, tls);
    const chain = await ServiceChain.start(target.installation);
    const load = startLoad(target);
    await until('the load runs', async () => load.tally.answered > clientsCount);
    for (let round = 0; round < rounds; round++) {
      await setTimeout(random.below(longestPauseMs));
      await chain.handOver();
    }
    await judge(t, load);
    const gaps = chain.lines('handed over: the successor serves').map(line => Number(line['unserved_ms']));
    gaps.sort((a, b) => a - b);
    t.comment(`unserved: median ${gaps[Math.floor(gaps.length / 2)]} ms, most ${gaps.at(-1)} ms`);
    await chain.stop();
    await isWhole(
      t,
      target,
      chain.ready.map(line => line.writer_epoch),
    );
  });

  const skip = campaignOnly || skipWithoutPython;
  t.test(`restarts on passed sockets, ${tls ? 'with' : 'without'} TLS`, { skip }, async t => {
    const random = new Random(seed);
    const target = await prepare(t, tls);
    const holder = await SocketHolder.open(target.installation, {
      sockets: [{ name: 'api', host: '127.0.0.1', port: target.installation.port }],
    });
    t.equal(await holder.start(), 'ready');
    const load = startLoad(target);
    await until('the load runs', async () => load.tally.answered > clientsCount);
    for (let round = 0; round < rounds; round++) {
      await setTimeout(random.below(longestPauseMs));
      const code = await holder.end();
      if (code !== 0) t.equal(code, 0, `stop ${round}`);
      const outcome = await holder.start();
      if (outcome !== 'ready') t.equal(outcome, 'ready', `start ${round}`);
    }
    await judge(t, load);
    t.equal(await holder.end(), 0);
    const epochs = holder.lines('ready').map(line => line['writer_epoch']);
    await holder.close();
    await isWhole(t, target, epochs);
  });
}
