/** Every claim about rows that are put back, removed, added or exchanged, as an attack on a stopped vault. */
import { copyFileSync, cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import { auditProblemLines, vaultProblemLines } from '../../src/cli/check-report.ts';
import { errorMessage, StartError } from '../../src/errors.ts';
import { Inspection } from '../../src/store/inspection.ts';
import { type CheckReport, checkAll } from '../../src/vault/checking.ts';
import { openForVerification } from '../../src/vault/opening.ts';
import { sealProblems } from '../../src/vault/vault-check.ts';
import type { VaultPaths } from '../../src/vault/vault-parts.ts';
import type { Installation } from '../helpers/service.ts';
import { isCampaign } from '../stack/tools.ts';
import { type Attack, attacksOnRows, combinedAttacks } from './attacks.ts';
import { copyOf, makeHistory } from './history.ts';

/** What the files and not only the comparison have to show. */
const quick = [
  'put back, head and versions',
  'all tokens are removed',
  'one by one',
  'taken away',
  'an index loses',
];
const isQuick = ({ name }: Attack) => quick.some(part => name.includes(part));

const folder = t.testdir({});
const history = await makeHistory(folder);
const rowAttacks = attacksOnRows(history);
const combined = combinedAttacks(history);
const { keyring, store } = await openForVerification(pathsOf(history.installation));
const { sealKeys } = keyring;
/** The moments but the last. */
const chosen = isCampaign
  ? history.moments.slice(0, -1)
  : [history.moments[0] ?? '', history.moments[3] ?? ''];
await store.close();

function pathsOf(installation: Installation): VaultPaths {
  const inside = (path: string) => join(installation.folder, path);
  return {
    vault_path: inside('data/vault.db'),
    audit_path: inside('data/audit'),
    master_key_path: inside('keys/master.key'),
  };
}

function check(installation: Installation, opensRows = false): Promise<CheckReport> {
  return checkAll({ paths: pathsOf(installation), opensRows, onRows: () => {} });
}

function lines(report: CheckReport): string[] {
  return [...vaultProblemLines(report), ...auditProblemLines(report)];
}

async function attacked(attack: Attack, opensRows = false): Promise<string[]> {
  const target = copyOf(history, join(folder, 'target'));
  try {
    const database = new DatabaseSync(join(target.folder, 'data/vault.db'));
    attack.run(database);
    database.close();
    return lines(await check(target, opensRows));
  } catch (error) {
    // Exit code 2: the vault cannot be used.
    if (error instanceof StartError) return [error.message];
    throw error;
  } finally {
    rmSync(target.folder, { recursive: true });
  }
}

/** What the comparison with the seal finds; what keeps the vault from being opened is found, too. */
function compared(attack: Attack): string[] {
  const path = join(folder, 'attacked.db');
  copyFileSync(join(history.installation.folder, 'data/vault.db'), path);
  const database = new DatabaseSync(path);
  attack.run(database);
  database.close();
  try {
    const inspection = new Inspection(path);
    try {
      return sealProblems(finished(inspection.compareWithSeal(sealKeys)));
    } finally {
      inspection.close();
    }
  } catch (error) {
    return [errorMessage(error)];
  }
}

function finished<T>(steps: Generator<number, T>): T {
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  return step.value;
}

t.test('the vault with a past holds', async t => {
  t.same(lines(await check(history.installation, true)), []);
  t.ok(rowAttacks.length > 80, `${rowAttacks.length} attacks on rows`);
});

t.test('every row that is removed, exchanged, put back or added is found', async t => {
  for (const attack of [...rowAttacks, ...combined]) {
    if (attack.agrees === true) continue;
    const found = compared(attack);
    t.ok(found.length > 0, attack.name, { found });
  }
});

t.test('audit verify and check say so', async t => {
  for (const attack of isCampaign ? [...rowAttacks, ...combined] : combined.filter(isQuick)) {
    const found = await attacked(attack, attack.agrees);
    t.ok(found.length > 0, attack.name, { found });
  }
});

t.test('a whole vault of an earlier moment is found, next to the log of today', async t => {
  for (const [index, moment] of chosen.entries()) {
    const target = copyOf(history, join(folder, `whole-${index}`));
    cpSync(join(moment, 'vault.db'), join(target.folder, 'data/vault.db'));
    const found = lines(await check(target));
    t.ok(found.length > 0, `moment ${index}`, { found });
  }
});

t.test('a log of an earlier moment is found, next to the vault of today', async t => {
  for (const [index, moment] of chosen.entries()) {
    const target = copyOf(history, join(folder, `log-${index}`));
    rmSync(join(target.folder, 'data/audit'), { recursive: true });
    cpSync(join(moment, 'audit'), join(target.folder, 'data/audit'), { recursive: true });
    const found = lines(await check(target));
    t.ok(found.length > 0, `moment ${index}`, { found });
  }
});

t.test('vault and log of one earlier moment are not found: nothing on this host remembers more', async t => {
  const target = copyOf(history, join(folder, 'both'));
  rmSync(join(target.folder, 'data'), { recursive: true });
  cpSync(history.moments[2] ?? '', join(target.folder, 'data'), { recursive: true });
  t.same(lines(await check(target)), []);
});

t.test('the check names the row that was put back', async t => {
  const back = rowAttacks.find(({ name }) => /old row of heads is put back: app\/db/.test(name));
  if (back === undefined) throw new Error('the history has no older head of app/db');
  const found = await attacked(back);
  t.match(
    found.join('\n'),
    /vault: heads: "app\/db": the row is that of record \d+, and record \d+ of the log changed it/,
  );
});
