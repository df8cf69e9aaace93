import type { DatabaseSync } from 'node:sqlite';
import { LiveList } from './live-list.ts';
import {
  blob,
  decodeHead,
  decodeSummary,
  decodeToken,
  decodeVersion,
  headColumns,
  integer,
  integerOrNull,
  type Row,
  reading,
  summaryColumns,
  text,
  tokenColumns,
  versionColumns,
} from './rows.ts';
import { liveCondition } from './schema.ts';
import type {
  AuditPosition,
  AuditSegment,
  DamagedRow,
  DueRotation,
  SecretSummary,
  SecretVersion,
  StoredSecret,
  StoredToken,
  VersionSummary,
} from './store.ts';

const headAliases = headColumns.map(column => `heads.${column} AS head_${column}`);
const secretColumns = [...headAliases, ...versionColumns.map(column => `versions.${column}`)].join(', ');
const activeVersion =
  'LEFT JOIN versions ON versions.name = heads.name AND versions.version = heads.active_version';

/** Every read of the vault, on a connection of its own. All of it throws StoreError `failed`. */
export class Reader {
  readonly #database: DatabaseSync;
  readonly #statements;
  readonly #liveList: LiveList;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#statements = prepareReads(database);
    this.#liveList = new LiveList(database);
  }

  liveCount(): number {
    return reading(() => integer(this.#statements.meta.get() ?? {}, 'live_count'));
  }

  state(key: string): Uint8Array | null {
    return first(
      () => this.#statements.state.get(key),
      row => blob(row, 'value'),
    );
  }

  secret(name: string): StoredSecret | null {
    return first(() => this.#statements.secret.get(name), decodeSecret);
  }

  version(name: string, version: number): SecretVersion | null {
    return first(() => this.#statements.version.get(name, version), decodeVersion);
  }

  versions(name: string, after: number, limit: number): (VersionSummary | DamagedRow<number>)[] {
    return reading(() => this.#statements.versions.all(name, after, limit).map(decodeSummaryOrDamaged));
  }

  /** Live secrets with names from `from` (inclusive) to `to` (exclusive), ascending. */
  live(from: string, to: string, limit: number): (SecretSummary | DamagedRow<string>)[] {
    return reading(() => this.#liveList.read(from, to, limit));
  }

  dueRotations(now: number, limit: number, after: DueRotation | null): DueRotation[] {
    const { expiresAt, row } = after ?? { expiresAt: Number.MIN_SAFE_INTEGER, row: 0 };
    return reading(() => this.#statements.due.all(now, expiresAt, row, limit).map(decodeDue));
  }

  endedGraces(now: number, limit: number): { name: string; version: number }[] {
    return reading(() =>
      this.#statements.ended
        .all(now, limit)
        .map(row => ({ name: text(row, 'name'), version: integer(row, 'version') })),
    );
  }

  tokens(): StoredToken[] {
    return reading(() => this.#statements.tokens.all().map(decodeToken));
  }

  token(id: string): StoredToken | null {
    return first(() => this.#statements.token.get(id), decodeToken);
  }

  committed(opId: string): boolean {
    return reading(() => this.#statements.committed.get(opId) !== undefined);
  }

  lastIntent(): AuditPosition | null {
    return first(
      () => this.#statements.lastIntent.get(),
      row => ({ seq: integer(row, 'intent_seq'), hash: text(row, 'intent_hash') }),
    );
  }

  auditSegments(): AuditSegment[] {
    return reading(() => this.#statements.auditSegments.all().map(decodeSegment));
  }

  auditPosition(): AuditPosition | null {
    return first(
      () => this.#statements.meta.get(),
      row => {
        const seq = integerOrNull(row, 'noted_seq');
        return seq === null ? null : { seq, hash: text(row, 'noted_hash') };
      },
    );
  }

  close(): void {
    this.#database.close();
  }
}

function prepareReads(database: DatabaseSync) {
  const version = `SELECT ${versionColumns.join(', ')} FROM versions WHERE name = ?`;
  return {
    meta: database.prepare('SELECT live_count, noted_seq, noted_hash FROM meta'),
    state: database.prepare('SELECT value FROM state WHERE key = ?'),
    secret: database.prepare(
      `SELECT ${secretColumns} FROM heads
         ${activeVersion}
       WHERE heads.name = ?`,
    ),
    version: database.prepare(`${version} AND version = ?`),
    versions: database.prepare(
      `SELECT ${summaryColumns.join(', ')} FROM versions
       WHERE name = ? AND version > ? ORDER BY version LIMIT ?`,
    ),
    due: database.prepare(
      `SELECT rowid, name, expires_at FROM heads INDEXED BY heads_due
       WHERE expires_at <= ? AND (expires_at, rowid) > (?, ?) AND ${liveCondition} AND rotation IS NOT NULL
       ORDER BY expires_at, rowid LIMIT ?`,
    ),
    ended: database.prepare(
      `SELECT name, version FROM versions INDEXED BY versions_ended
       WHERE destroy_at <= ? AND destroy_at IS NOT NULL AND sealed IS NOT NULL ORDER BY destroy_at LIMIT ?`,
    ),
    tokens: database.prepare(`SELECT ${tokenColumns.join(', ')} FROM tokens ORDER BY created_at, id`),
    token: database.prepare(`SELECT ${tokenColumns.join(', ')} FROM tokens WHERE id = ?`),
    committed: database.prepare('SELECT 1 FROM commits WHERE op_id = ?'),
    lastIntent: database.prepare(
      'SELECT intent_seq, intent_hash FROM commits ORDER BY intent_seq DESC LIMIT 1',
    ),
    auditSegments: database.prepare(
      'SELECT file, first_seq, previous_hash FROM audit_segments ORDER BY first_seq',
    ),
  };
}

function decodeSecret(row: Row): StoredSecret {
  // Without a matching version the join leaves its columns null.
  return Object.freeze({
    head: decodeHead(row),
    active: row['version'] === null ? null : decodeVersion(row),
  });
}

/** The number of the version comes from the index. */
function decodeSummaryOrDamaged(row: Row): VersionSummary | DamagedRow<number> {
  try {
    return decodeSummary(row);
  } catch {
    return { damaged: integer(row, 'version') };
  }
}

function decodeDue(row: Row): DueRotation {
  return { name: text(row, 'name'), expiresAt: integer(row, 'expires_at'), row: integer(row, 'rowid') };
}

function decodeSegment(row: Row): AuditSegment {
  return {
    file: text(row, 'file'),
    firstSeq: integer(row, 'first_seq'),
    previousHash: text(row, 'previous_hash'),
  };
}

function first<T>(read: () => Row | undefined, decode: (row: Row) => T): T | null {
  return reading(() => {
    const row = read();
    return row === undefined ? null : decode(row);
  });
}
