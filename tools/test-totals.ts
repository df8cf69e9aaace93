/**
 * Adds up TAP files as tap writes them with `--output-file`: `bin/pinned-node tools/test-totals.ts FILE...` prints
 * `N passed, N failed, N skipped` and exits 1 when something failed or a file stops before its end.
 *
 * A test is an innermost `t.test()` block, or a test file without one. An outer block counts only when it failed while
 * nothing inside did: a crash, a timeout, a plan not met.
 */
import { readFileSync } from 'node:fs';
import { argv, exit, stdout } from 'node:process';

export interface Totals {
  passed: number;
  failed: number;
  skipped: number;
}

/** What has been seen of one block so far. */
interface Block {
  points: number;
  /** Blocks and skipped points directly inside. */
  tests: number;
  /** Failures counted inside, at any depth. */
  failed: number;
  plan: number | undefined;
}

const line = /^(?<indent> *)(?:(?<point>(?:not )?ok)\b(?<rest>.*)|1\.\.(?<plan>\d+)|(?<bail>Bail out!))/;
const skipDirective = /(?<!\\)# (?:SKIP|TODO)\b/i;
const diagnostics = /^ *---\n(?:.*\n)*?^ *\.\.\.\n/gm;

export function testTotals(tap: string): Totals {
  const totals: Totals = { passed: 0, failed: 0, skipped: 0 };
  const open: Block[] = [emptyBlock()];
  for (const text of tap.replaceAll(diagnostics, '').split('\n')) {
    const { indent, point, rest = '', plan, bail } = line.exec(text)?.groups ?? {};
    if (indent === undefined) continue;
    if (bail !== undefined) totals.failed++;
    const depth = indent.length / 4;
    if (plan !== undefined) blockAt(open, depth).plan = Number(plan);
    if (point !== undefined) countPoint(open, depth, point === 'ok', rest, totals);
  }
  const [root = emptyBlock()] = open;
  if (root.plan !== root.points) totals.failed++;
  return totals;
}

function countPoint(open: Block[], depth: number, ok: boolean, rest: string, totals: Totals): void {
  const parent = blockAt(open, depth);
  const [inner] = open.splice(depth + 1);
  parent.points++;
  if (skipDirective.test(rest)) {
    totals.skipped++;
    parent.tests++;
    return;
  }
  if (inner === undefined && depth > 0) return;
  const { tests, failed } = inner ?? emptyBlock();
  parent.tests++;
  parent.failed += failed;
  if (!ok && failed === 0) {
    totals.failed++;
    parent.failed++;
  }
  if (ok && tests === 0) totals.passed++;
}

function blockAt(open: Block[], depth: number): Block {
  while (open.length <= depth) open.push(emptyBlock());
  return open[depth] ?? emptyBlock();
}

function emptyBlock(): Block {
  return { points: 0, tests: 0, failed: 0, plan: undefined };
}

function main(): void {
  const sum: Totals = { passed: 0, failed: 0, skipped: 0 };
  for (const file of argv.slice(2)) {
    const { passed, failed, skipped } = testTotals(readFileSync(file, 'utf8'));
    sum.passed += passed;
    sum.failed += failed;
    sum.skipped += skipped;
  }
  stdout.write(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped\n`);
  exit(sum.failed > 0 ? 1 : 0);
}

if (import.meta.main) main();
