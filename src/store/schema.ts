/** The SQL condition of a live secret. The partial indexes serve a query only when it says this word for word. */
export const liveCondition = 'deleted_at IS NULL AND active_version > 0 AND purged = 0';

/** What schema 2 adds to schema 1: bearer tokens. */
export const tokensSchema = `
  CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    client TEXT NOT NULL,
    description TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    source_networks TEXT NOT NULL,
    last_used_at INTEGER,
    revoked_at INTEGER,
    intent_seq INTEGER NOT NULL,
    mac BLOB NOT NULL
  ) STRICT;
`;

/**
 * Schema 2. `heads` and `versions` keep their rowid: their rows are too large for the inner pages of an index tree.
 * `active_created_at` repeats the active version's created_at, so that the oldest is one index look-up.
 */
export const schema = `
  CREATE TABLE state (
    key TEXT PRIMARY KEY,
    value BLOB NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE heads (
    name TEXT NOT NULL UNIQUE,
    active_version INTEGER NOT NULL CHECK (active_version >= 0),
    next_version INTEGER NOT NULL CHECK (next_version > active_version),
    revision INTEGER NOT NULL CHECK (revision > 0),
    created_at INTEGER NOT NULL,
    deleted_at INTEGER,
    purged INTEGER NOT NULL CHECK (purged IN (0, 1)),
    metadata TEXT NOT NULL,
    rotation TEXT,
    expires_at INTEGER,
    intent_seq INTEGER NOT NULL,
    mac BLOB NOT NULL,
    active_created_at INTEGER
  ) STRICT;
  CREATE INDEX heads_live ON heads (name) WHERE ${liveCondition};
  CREATE INDEX heads_overdue ON heads (expires_at) WHERE ${liveCondition};
  CREATE INDEX heads_due ON heads (expires_at) WHERE ${liveCondition} AND rotation IS NOT NULL;
  CREATE INDEX heads_oldest ON heads (active_created_at) WHERE ${liveCondition};

  CREATE TABLE versions (
    name TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    kid TEXT NOT NULL,
    sealed BLOB,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    generated INTEGER NOT NULL CHECK (generated IN (0, 1)),
    deactivated_at INTEGER,
    destroy_at INTEGER,
    mac BLOB NOT NULL,
    PRIMARY KEY (name, version)
  ) STRICT;
  CREATE INDEX versions_ended ON versions (destroy_at) WHERE destroy_at IS NOT NULL AND sealed IS NOT NULL;

  CREATE TABLE commits (
    intent_seq INTEGER PRIMARY KEY,
    intent_hash TEXT NOT NULL,
    op_id TEXT NOT NULL UNIQUE
  ) STRICT;

  CREATE TABLE audit_segments (
    first_seq INTEGER PRIMARY KEY,
    file TEXT NOT NULL UNIQUE,
    previous_hash TEXT NOT NULL
  ) STRICT;

  CREATE TABLE meta (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    live_count INTEGER NOT NULL CHECK (live_count >= 0),
    noted_seq INTEGER,
    noted_hash TEXT
  ) STRICT;
  INSERT INTO meta (id, live_count) VALUES (1, 0);
  ${tokensSchema}
`;

/** The seal over all other rows; releases that do not know the table leave it alone, and so it shows what they changed. */
export const sealSchema = `
  CREATE TABLE IF NOT EXISTS seal (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    sealed BLOB NOT NULL
  ) STRICT;
`;
