/**
 * Writes an audit log until it cannot be written, lets the cause go, and prints what was seen on the way as JSON.
 * `unwritable-folder` needs a user whom permissions bind; `file-limit` needs `ulimit -f` around the process.
 */
import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { AuditLog } from '../../../src/audit/log.ts';
import { entry, Fixture } from '../fixture.ts';

const nobody = 65_534;
const cause = process.argv[2];
const parent = mkdtempSync(join(tmpdir(), 'audit-'));
if (process.getuid?.() === 0) {
  chownSync(parent, nobody, nobody);
  process.setuid?.(nobody);
}
const audit = new Fixture(join(parent, 'audit'));
const log = await audit.open({ segmentBytes: cause === 'file-limit' ? 1 << 20 : 4000 });
if (cause === 'unwritable-folder') chmodSync(audit.folder, 0o500);
const refused = await appendUntilRefused(log);
const whole = await audit.verify(null);
const whileLatched = {
  left: whole.records - audit.metrics.written + whole.problems.length,
  writable: log.writable,
  refusal: codeOf(() => log.append([entry()])),
};
if (cause === 'unwritable-folder') chmodSync(audit.folder, 0o700);
await recovered(log);
await log.append([entry({ resource: 'after' })]).durable;
await log.close();
const { written, failed } = audit.metrics;
const { records, problems } = await audit.verify();
await (await audit.open()).close();
process.stdout.write(
  JSON.stringify({
    ...refused,
    ...whileLatched,
    written,
    failed,
    records,
    problems,
    files: audit.files().length,
  }),
);
rmSync(parent, { recursive: true });

async function appendUntilRefused(log: AuditLog) {
  for (let acknowledged = 0; ; acknowledged += 2) {
    try {
      const first = log.append([entry()]);
      const second = log.append([entry()]);
      await Promise.all([first.durable, second.durable]);
    } catch (error) {
      return {
        acknowledged,
        code: codeOf(() => {
          throw error;
        }),
      };
    }
  }
}

async function recovered(log: AuditLog): Promise<void> {
  while (!log.writable) {
    await delay(20);
    await log.probe().catch(() => undefined);
  }
}

function codeOf(action: () => void): unknown {
  try {
    action();
    return null;
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error;
  }
}
