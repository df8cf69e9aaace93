/**
 * `npm run bench:peers`: this service beside its peers, at the same work on the same machine, in under seven minutes.
 * A peer whose environment variable holds the path of its program is started on loopback; the report names the others.
 * Prints a report; `--write` puts it into docs/peers.md, too.
 */
import { writeFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { argv, env, stderr, stdout } from 'node:process';
import { describeMachine } from '../machine.ts';
import { temporaryFolder } from '../owned.ts';
import { inTurn, roundsWithin } from '../rounds.ts';
import { measureCalls } from './calls.ts';
import { type Measurements, peersPage } from './document.ts';
import { instrumentationNames } from './instrumentation.ts';
import { measureInstrumentation, measurePeer } from './measure.ts';
import { choosePeers } from './peers.ts';

const documentPath = new URL('../../docs/peers.md', import.meta.url);
const leastRounds = 3;
/** What each part may take, in seconds. */
const shares = { peers: 240, instrumentations: 90 };

async function measureAll(folder: string): Promise<Measurements> {
  const { measured, skipped } = choosePeers(env);
  const subjects = measured.flatMap(peer => peer.sizes.map(secrets => ({ peer, secrets })));
  const named = instrumentationNames.map(name => ({ name }));
  return {
    peers: await inRounds('peers', subjects, ({ peer, secrets }) => measurePeer(peer, secrets, folder)),
    skipped,
    instrumentations: await inRounds('instrumentations', named, ({ name }) => measureInstrumentation(name)),
    calls: await measureCalls(),
  };
}

/** Each subject once in every round, one after another, so that each has the machine to itself. */
async function inRounds<Subject, Sample>(
  part: keyof typeof shares,
  subjects: readonly Subject[],
  measure: (subject: Subject) => Promise<Sample>,
): Promise<(Subject & { samples: Sample[] })[]> {
  const results = subjects.map(subject => ({ ...subject, samples: [] as Sample[] }));
  const measureRound = async (round: number) => {
    stderr.write(`${part}, round ${round}\n`);
    for (const result of inTurn(results, round)) result.samples.push(await measure(result));
  };
  await roundsWithin(shares[part], measureRound, leastRounds);
  return results;
}

const startedAt = performance.now();
const folder = temporaryFolder();
const machine = describeMachine(folder);
const measured = await measureAll(folder);
const page = peersPage(measured, machine, (performance.now() - startedAt) / 1000);
stdout.write(page);
if (argv.includes('--write')) writeFileSync(documentPath, page);
