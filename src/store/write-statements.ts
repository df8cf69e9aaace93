import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import type { RowChange, WriteRequest } from './messages.ts';
import { headColumns, integer, text, tokenColumns, versionColumns } from './rows.ts';
import { liveCondition } from './schema.ts';
import {
  type AuditPosition,
  type AuditSegment,
  type Operation,
  rememberedPositions,
  StoreError,
} from './store.ts';

/** The entry of the state that a probe writes: 8 random bytes. */
const probeKey = 'writer/probe';
/** The first byte of every entry in the state. */
const entryFormat = 1;

/** Of a head's first two columns, its name and active version. */
const activeCreatedAt = '(SELECT created_at FROM versions WHERE name = ?1 AND version = ?2)';

/** Applies one request inside the caller's transaction; returns by how many the live secrets changed. */
export type ApplyWrite = (request: Exclude<WriteRequest, { kind: 'announceSeal' }>) => number;

/** Prepares the statements that change the vault. What it returns throws StoreError, or SQLite's own errors. */
export function prepareWrites(database: DatabaseSync): ApplyWrite {
  const remember = prepareRemember(database);
  const applyChange = prepareChange(database);
  const applyTokens = prepareTokens(database);
  const putState = database.prepare(
    'INSERT INTO state (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
  );
  const noteAudit = prepareNoteAudit(database);
  const forgetSegment = database.prepare('DELETE FROM audit_segments WHERE file = ?');

  return request => {
    switch (request.kind) {
      case 'commit':
        remember(request.operation);
        return request.changes.reduce((difference, change) => difference + applyChange(change), 0);
      case 'commitTokens':
        if (request.operation !== null) remember(request.operation);
        applyTokens(request.put, request.drop);
        return 0;
      case 'putState':
        for (const [key, value] of request.entries) putState.run(key, value);
        return 0;
      case 'noteAudit':
        noteAudit(request.position, request.segment);
        return 0;
      case 'reviseAudit':
        for (const file of request.drop) forgetSegment.run(file);
        for (const segment of request.add) noteAudit(request.position, segment);
        return 0;
      case 'touch':
        // SQLite skips an update that changes nothing.
        putState.run(probeKey, Buffer.from([entryFormat, ...crypto.getRandomValues(new Uint8Array(8))]));
        return 0;
    }
  };
}

/** Notes which operation a commit belongs to. */
function prepareRemember(database: DatabaseSync): (operation: Operation) => void {
  const remember = database.prepare('INSERT INTO commits (intent_seq, intent_hash, op_id) VALUES (?, ?, ?)');
  const forget = database.prepare('DELETE FROM commits WHERE intent_seq <= ?');
  return ({ opId, intentSeq, intentHash }) => {
    remember.run(intentSeq, intentHash, opId);
    forget.run(intentSeq - rememberedPositions);
  };
}

/** Writes one secret's part of a commit; returns by how many the live secrets changed. */
function prepareChange(database: DatabaseSync): (change: RowChange) => number {
  const stored = database.prepare(`SELECT revision, ${liveCondition} AS live FROM heads WHERE name = ?`);
  const dropVersions = database.prepare('DELETE FROM versions WHERE name = ?');
  const dropVersion = database.prepare('DELETE FROM versions WHERE name = ? AND version = ?');
  const putVersion = database.prepare(upsert('versions', versionColumns, '(name, version)'));
  const putHead = database.prepare(
    upsert('heads', headColumns, '(name)', { active_created_at: activeCreatedAt }),
  );

  return change => {
    const row = stored.get(change.name);
    const revision = row === undefined ? 0 : integer(row, 'revision');
    if (revision !== change.expectedRevision) {
      throw new StoreError('conflict', 'the secret was changed in the meantime');
    }
    if (change.dropVersions) dropVersions.run(change.name);
    for (const version of change.dropped) dropVersion.run(change.name, version);
    for (const version of change.versions) putVersion.run(...version);
    // After its versions, of which it repeats a column.
    putHead.run(...change.head);
    const wasLive = row !== undefined && integer(row, 'live') === 1;
    return Number(change.live) - Number(wasLive);
  };
}

function prepareTokens(database: DatabaseSync) {
  const put = database.prepare(upsert('tokens', tokenColumns, '(id)'));
  const drop = database.prepare('DELETE FROM tokens WHERE id = ?');
  return (rows: readonly SQLInputValue[][], ids: readonly string[]): void => {
    for (const id of ids) drop.run(id);
    for (const row of rows) put.run(...row);
  };
}

function prepareNoteAudit(database: DatabaseSync) {
  const registered = database.prepare(
    'SELECT file, previous_hash FROM audit_segments WHERE first_seq = ? OR file = ?',
  );
  const register = database.prepare(
    'INSERT INTO audit_segments (first_seq, file, previous_hash) VALUES (?, ?, ?)',
  );
  const advance = database.prepare(
    'UPDATE meta SET noted_seq = ?1, noted_hash = ?2 WHERE noted_seq IS NULL OR noted_seq < ?1',
  );

  /** Registering the same segment again is fine: a crash may have come between that and its first record. */
  function registerSegment(segment: AuditSegment): void {
    const row = registered.get(segment.firstSeq, segment.file);
    if (row === undefined) {
      register.run(segment.firstSeq, segment.file, segment.previousHash);
    } else if (text(row, 'file') !== segment.file || text(row, 'previous_hash') !== segment.previousHash) {
      throw new StoreError('failed', `the vault knows the audit segment ${segment.file} as another one`);
    }
  }

  return (position: AuditPosition, segment: AuditSegment | null): void => {
    if (segment !== null) registerSegment(segment);
    advance.run(position.seq, position.hash);
  };
}

/** @param derived further columns, each with the SQL of its value */
function upsert(
  table: string,
  columns: readonly string[],
  key: string,
  derived: Readonly<Record<string, string>> = {},
): string {
  const all = [...columns, ...Object.keys(derived)];
  const values = [...columns.map((_, index) => `?${index + 1}`), ...Object.values(derived)];
  const updates = all.map(column => `${column} = excluded.${column}`);
  return `INSERT INTO ${table} (${all.join(', ')}) VALUES (${values.join(', ')})
    ON CONFLICT ${key} DO UPDATE SET ${updates.join(', ')}`;
}
