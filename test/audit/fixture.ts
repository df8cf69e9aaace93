/** An audit log in a temp folder, with a vault that remembers in memory. */
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { ChainPosition } from '../../src/audit/chain.ts';
import { type AuditLog, openAuditLog } from '../../src/audit/log.ts';
import type { AuditEntry } from '../../src/audit/record.ts';
import type {
  AuditFacts,
  RegisteredSegment,
  RegistryRevision,
  RevisableRegistry,
} from '../../src/audit/registry.ts';
import type { AuditLogOptions } from '../../src/audit/settings.ts';
import { type AuditReport, verifyAudit } from '../../src/audit/verify.ts';

export const vaultId = '6f1c2f3e-8a55-4a43-9d0c-2f1f6f6f0a01';
export const keys = generateKeyPairSync('ed25519');

export function signWith(key: KeyObject): (data: Uint8Array) => Uint8Array {
  return data => sign(null, data, key);
}

const proofKey = Buffer.alloc(32, 9);

export function prove(data: Uint8Array): Uint8Array {
  return createHmac('sha256', proofKey).update(data).digest();
}

export class MemoryRegistry implements RevisableRegistry {
  segments: RegisteredSegment[] = [];
  position: ChainPosition | null = null;
  intent: ChainPosition | null = null;
  onNote: () => void = () => undefined;
  commits: number | null = null;

  sealedCommits(): number | null {
    return this.commits;
  }

  async auditSegments(): Promise<readonly RegisteredSegment[]> {
    return this.segments;
  }

  async auditPosition(): Promise<ChainPosition | null> {
    return this.position;
  }

  async lastIntent(): Promise<ChainPosition | null> {
    return this.intent;
  }

  async noteAudit(position: ChainPosition, segment?: RegisteredSegment): Promise<void> {
    if (segment !== undefined) this.segments.push(segment);
    if (position.seq > (this.position?.seq ?? 0)) this.position = position;
    this.onNote();
  }

  async reviseAudit({ position, add, drop }: RegistryRevision): Promise<void> {
    const known = this.segments.filter(({ file }) => !drop.includes(file));
    const added = add.filter(({ file }) => !known.some(segment => segment.file === file));
    this.segments = [...known, ...added].toSorted((a, b) => a.firstSeq - b.firstSeq);
    if (position.seq > (this.position?.seq ?? 0)) this.position = position;
  }

  get facts(): AuditFacts {
    const { commits, intent: lastIntent, position, segments } = this;
    return { segments, position, lastIntent, commits };
  }
}

export class CountingMetrics {
  filesChanged = 0;
  written = 0;
  failed = 0;
  readonly flushes: number[] = [];

  auditRecordsWritten(count: number): void {
    this.written += count;
  }

  auditRecordsFailed(count: number): void {
    this.failed += count;
  }

  auditFilesChanged(): void {
    this.filesChanged += 1;
  }

  auditFlushed(seconds: number): void {
    this.flushes.push(seconds);
  }
}

export class Fixture {
  readonly folder: string;
  readonly registry = new MemoryRegistry();
  readonly metrics = new CountingMetrics();
  readonly reports: string[] = [];

  constructor(folder: string) {
    this.folder = folder;
  }

  open(changes: Partial<AuditLogOptions> = {}): Promise<AuditLog> {
    return openAuditLog({
      folder: this.folder,
      vaultId,
      publicKey: keys.publicKey,
      sign: signWith(keys.privateKey),
      prove,
      registry: this.registry,
      sync: 'always',
      segmentBytes: 1 << 20,
      clock: () => Date.UTC(2026, 0, 2, 3, 4, 5, 678),
      metrics: this.metrics,
      report: message => this.reports.push(message),
      ...changes,
    });
  }

  verify(facts: AuditFacts | null = this.registry.facts): Promise<AuditReport> {
    return verifyAudit({
      folder: this.folder,
      vaultId,
      publicKey: keys.publicKey,
      prove,
      facts: facts && (async () => facts),
    });
  }

  files(): string[] {
    return readdirSync(this.folder).sort();
  }

  path(file: string | undefined): string {
    return join(this.folder, file ?? 'none');
  }

  /** The lines of a segment, without line feeds. */
  lines(file: string | undefined): string[] {
    return readFileSync(this.path(file), 'utf8').split('\n').slice(0, -1);
  }
}

export function createFixture(t: Test): Fixture {
  return new Fixture(join(t.testdir(), 'audit'));
}

export function entry(changes: Partial<AuditEntry> = {}): AuditEntry {
  return {
    event: 'read',
    client: 'web',
    identity_method: 'header',
    credential_id: null,
    remote_addr: '127.0.0.1',
    action: 'read',
    resource: 'app/web/db',
    version: 3,
    decision: 'allow',
    outcome: 'ok',
    op_id: null,
    request_id: 'req-1',
    trace_id: null,
    ...changes,
  };
}

/** Appends so many reads, one batch after another. */
export async function appendReads(log: AuditLog, count: number): Promise<void> {
  for (let number = 1; number <= count; number += 1) {
    await log.append([entry({ resource: `app/${number}` })]).durable;
  }
}

/** A change as the vault makes it: intent, commit, outcome. */
export async function appendChange(log: AuditLog, registry: MemoryRegistry, opId: string): Promise<void> {
  const change = { action: 'update', op_id: opId, outcome: null };
  const intent = log.append([entry({ ...change, event: 'intent' })]);
  await intent.durable;
  registry.intent = { seq: intent.seq, hash: intent.hash };
  await log.append([entry({ ...change, event: 'outcome', outcome: 'ok' })]).durable;
}
