/**
 * `npm run bench:compare REF`: the service of another commit and that of this checkout, side by side, in about two
 * minutes. The other one is run as it stands, with its own configuration, from a git worktree that goes at the end.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { argv, exit, stderr, stdout } from 'node:process';
import { createSecret } from './comparisons.ts';
import { startExecutable } from './executable.ts';
import { type LoadRequest, load, type Sample } from './load.ts';
import { describeMachine } from './machine.ts';
import { temporaryFolder, whenEnded } from './owned.ts';
import { checkout, install } from './processes.ts';
import { type Ratio, ratiosOf } from './ratios.ts';
import { loadTable, ratioTable } from './report.ts';
import { inTurn, type Rounds, record, roundsWithin } from './rounds.ts';

const seconds = 100;
const secondsEach = 1.3;
const leastRounds = 3;
const clients = 64;

interface Version {
  readonly name: string;
  readonly tree: string;
}

const rows: Readonly<Record<string, LoadRequest>> = {
  '`/healthz`': { method: 'GET', path: '/healthz' },
  '`GET /secret`': { method: 'GET', path: '/secret/test' },
  'creates, 64 clients': { method: 'POST', path: '/secret', body: '{"name":"new/[<id>]","value":"val"}' },
};

/** The tree of a commit, with its dependencies. @throws Error of git or npm */
function checkOut(commit: string, folder: string): string {
  const tree = join(folder, 'tree');
  execFileSync('git', ['worktree', 'add', '--quiet', '--detach', tree, commit], { cwd: checkout });
  whenEnded(() => spawnSync('git', ['worktree', 'remove', '--force', tree], { cwd: checkout }));
  const lockOf = (root: string) => readFileSync(join(root, 'package-lock.json'), 'utf8');
  if (lockOf(tree) === lockOf(checkout))
    symlinkSync(join(checkout, 'node_modules'), join(tree, 'node_modules'));
  else
    execFileSync('npm', ['ci', '--no-audit', '--no-fund'], {
      cwd: tree,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  return tree;
}

/** Every row of one version, on a fresh process and vault. */
async function measure({ name, tree }: Version, folder: string, samples: Rounds<Sample>): Promise<void> {
  const server = await startExecutable(install(folder, tree), tree);
  server.pin();
  try {
    await createSecret(server);
    for (const [row, request] of Object.entries(rows)) {
      record(samples, rowName(row, name), await load(server, [request], clients, secondsEach));
    }
  } finally {
    await server.stop();
  }
}

function rowName(row: string, version: string): string {
  return `${row}, ${version}`;
}

const [, , ref] = argv;
if (ref === undefined) {
  stderr.write(
    'usage: npm run bench:compare REF, where REF is a commit, branch or tag to compare this checkout with\n',
  );
  exit(2);
}
const { status, stdout: parsed } = spawnSync('git', ['rev-parse', '--verify', '--short', `${ref}^{commit}`], {
  cwd: checkout,
  encoding: 'utf8',
});
if (status !== 0) {
  stderr.write(`git knows no commit ${ref}\n`);
  exit(2);
}
const commit = parsed.trimEnd();
const folder = temporaryFolder();
const machine = describeMachine(folder);
const here = { name: 'this checkout', tree: checkout };
const other = { name: commit, tree: checkOut(commit, folder) };
// In the order of the report, whichever is measured first.
const samples: Rounds<Sample> = new Map(
  Object.keys(rows).flatMap(row => [other, here].map(({ name }) => [rowName(row, name), []])),
);
const measureRound = async (round: number) => {
  stderr.write(`round ${round}\n`);
  for (const version of inTurn([other, here], round)) await measure(version, folder, samples);
};
await roundsWithin(seconds, measureRound, leastRounds);
const ratios = Object.keys(rows).map(
  (row): Ratio => ({
    name: `${row}: this checkout : ${commit}`,
    of: rowName(row, here.name),
    to: rowName(row, other.name),
  }),
);
stdout.write(`${machine}\n\n${loadTable(samples)}\n${ratioTable(ratiosOf(ratios, samples))}`);
