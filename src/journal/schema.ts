// The journal's tables, and the steps from each schema version to the next. `user_version` says which one a file has.
//
// Keys are BLOBs: their order is byte order [I1]. All of it can be lost without losing a user's data: a journal that is
// gone is rebuilt as a union, without deletions.

export const MIGRATIONS: readonly string[] = [
  `
  -- A pair of replicas that has a base. The identity names both sides: a pair whose folder or namespace changed is
  -- another pair, with an empty base, so nothing is concluded from what was agreed with somebody else.
  CREATE TABLE pair (
    id INTEGER PRIMARY KEY,
    identity TEXT NOT NULL UNIQUE
  ) STRICT;

  -- What both sides last agreed on, a row a key.
  CREATE TABLE base (
    pair INTEGER NOT NULL REFERENCES pair (id) ON DELETE CASCADE,
    key BLOB NOT NULL,
    -- NULL: a tombstone. Both sides are without the key; "previous" says what it was.
    fingerprint TEXT,
    metadata TEXT,
    expiration INTEGER,
    size INTEGER NOT NULL,
    mtime_ms REAL,
    ctime_ms REAL,
    inode REAL,
    hashed_at_ms REAL NOT NULL,
    -- A JSON array of [fingerprint, metadata, expiration, replaced at], newest first; see core/settle.ts. NULL: it was
    -- absent until it was recorded.
    previous TEXT,
    PRIMARY KEY (pair, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX base_tombstone ON base (pair, hashed_at_ms) WHERE fingerprint IS NULL;

  -- Pages of plans that outgrew memory. Emptied when their round ends, or when the next one begins.
  CREATE TABLE spool (
    plan INTEGER NOT NULL,
    list TEXT NOT NULL,
    seq INTEGER NOT NULL,
    page BLOB NOT NULL,
    PRIMARY KEY (plan, list, seq)
  ) STRICT, WITHOUT ROWID;

  -- What was destroyed, by whom and why. The bytes are in trash/<fingerprint>; several rows may share them.
  CREATE TABLE trash (
    id INTEGER PRIMARY KEY,
    mapping TEXT NOT NULL,
    side TEXT NOT NULL,
    key BLOB NOT NULL,
    fingerprint TEXT NOT NULL,
    size INTEGER NOT NULL,
    metadata TEXT,
    expiration INTEGER,
    reason TEXT NOT NULL,
    saved_at_ms REAL NOT NULL
  ) STRICT;
  CREATE INDEX trash_by_key ON trash (mapping, key);
  CREATE INDEX trash_by_time ON trash (saved_at_ms);

  -- What was known of a mapping when its last round was done: which folder and namespace it was about, and its filters.
  CREATE TABLE sighting (
    mapping TEXT NOT NULL PRIMARY KEY,
    -- Folder, account, namespace and prefix as the config names them; another place is another mapping.
    place TEXT NOT NULL,
    root_device REAL,
    root_inode REAL,
    namespace TEXT,
    filter TEXT NOT NULL,
    looked_at_ms REAL NOT NULL
  ) STRICT, WITHOUT ROWID;

  -- Mappings that wait for a person.
  CREATE TABLE hold (
    mapping TEXT NOT NULL PRIMARY KEY,
    -- '': it was discarded; what the mapping is held for lasts.
    plan TEXT NOT NULL,
    -- JSON: which guard, and its numbers.
    reason TEXT NOT NULL,
    writes INTEGER NOT NULL,
    removes INTEGER NOT NULL,
    since_ms REAL NOT NULL,
    -- 1: a person let this very plan pass, and it has not run yet.
    approved INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  -- The last key that the scrub of a mapping has read.
  CREATE TABLE scrub (
    mapping TEXT NOT NULL PRIMARY KEY,
    after BLOB NOT NULL
  ) STRICT, WITHOUT ROWID;

  -- When the last requests of each account were sent: a JSON array of epoch milliseconds.
  CREATE TABLE budget (
    account TEXT NOT NULL PRIMARY KEY,
    recent TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  -- What was done to keys, when and why.
  CREATE TABLE history (
    id INTEGER PRIMARY KEY,
    at_ms REAL NOT NULL,
    mapping TEXT NOT NULL,
    -- NULL: about the mapping as a whole.
    key BLOB,
    side TEXT,
    event TEXT NOT NULL,
    reason TEXT NOT NULL,
    bytes INTEGER
  ) STRICT;
  CREATE INDEX history_by_mapping ON history (mapping, id);
  `,
  `
  -- 1: the value is no UTF-8; 0: it is; NULL: not known.
  ALTER TABLE base ADD COLUMN binary INTEGER;

  -- One version a key: see below.
  CREATE TABLE glimpse (
    pair INTEGER NOT NULL REFERENCES pair (id) ON DELETE CASCADE,
    key BLOB NOT NULL,
    -- NULL: only a listing showed it.
    fingerprint TEXT,
    metadata TEXT,
    expiration INTEGER,
    size INTEGER,
    binary INTEGER,
    seen_at_ms REAL NOT NULL,
    PRIMARY KEY (pair, key)
  ) STRICT, WITHOUT ROWID;

  -- What is being carried over in two-way sync, and is not confirmed yet.
  CREATE TABLE intent (
    pair INTEGER NOT NULL REFERENCES pair (id) ON DELETE CASCADE,
    key BLOB NOT NULL,
    fingerprint TEXT NOT NULL,
    metadata TEXT,
    expiration INTEGER,
    size INTEGER,
    binary INTEGER,
    -- The side that it goes to: "source" or "destination".
    side TEXT NOT NULL,
    since_ms REAL NOT NULL,
    PRIMARY KEY (pair, key)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- Versions that the remote showed and that both sides do not agree on yet, any number a key: see core/settle.ts. Gone
  -- when the key's row of the base comes to say the same, or the remote is written to, or the window is long over.
  ALTER TABLE glimpse RENAME TO single_glimpse;
  CREATE TABLE glimpse (
    id INTEGER PRIMARY KEY,
    pair INTEGER NOT NULL REFERENCES pair (id) ON DELETE CASCADE,
    key BLOB NOT NULL,
    -- NULL: only a listing showed it.
    fingerprint TEXT,
    metadata TEXT,
    expiration INTEGER,
    size INTEGER,
    binary INTEGER,
    seen_at_ms REAL NOT NULL
  ) STRICT;
  INSERT INTO glimpse SELECT NULL, * FROM single_glimpse;
  DROP TABLE single_glimpse;
  CREATE INDEX glimpse_by_key ON glimpse (pair, key);
  `,
  `
  -- When a row's version was written, or found on both sides; hashed_at_ms, when its file was read, may be long before.
  -- NULL: a row of an older kvsync, which took one for the other.
  ALTER TABLE base ADD COLUMN agreed_at_ms REAL;

  -- The latest time that anything of the pair is dated. A clock that shows less has been set back.
  ALTER TABLE pair ADD COLUMN dated_ms REAL NOT NULL DEFAULT 0;
  `,
  `
  -- How the last round of each mapping ended, and which problems stand: JSON, see mapping/mapping-outcome.ts.
  CREATE TABLE outcome (
    mapping TEXT NOT NULL PRIMARY KEY,
    outcome TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- When a look through the trash first found the item to be over its time; NULL: none has.
  ALTER TABLE trash ADD COLUMN old_since_ms REAL;

  -- When items of a mapping were last let go for their age.
  CREATE TABLE trash_aging (
    mapping TEXT NOT NULL PRIMARY KEY,
    pruned_at_ms REAL NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- Rounds of saved plans that were carried out, by the digest of the plan's file.
  CREATE TABLE applied_plan (
    plan TEXT NOT NULL,
    round INTEGER NOT NULL,
    applied_at_ms REAL NOT NULL,
    PRIMARY KEY (plan, round)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- Their plain names.
  ALTER TABLE glimpse RENAME TO unsettled_version;
  DROP INDEX glimpse_by_key;
  CREATE INDEX unsettled_version_by_key ON unsettled_version (pair, key);
  ALTER TABLE sighting RENAME TO mapping_facts;
  `,
  `
  -- When the trash of a mapping was last looked through, by the time of day and by the clock that nobody sets.
  CREATE TABLE trash_look (
    mapping TEXT NOT NULL PRIMARY KEY,
    at_ms REAL NOT NULL,
    monotonic_ms REAL NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- Keys that were seen to be gone at one side, and whose removal from the other waits: "side" is the label of that other one.
  CREATE TABLE gone_key (
    pair INTEGER NOT NULL REFERENCES pair (id) ON DELETE CASCADE,
    key BLOB NOT NULL,
    side TEXT NOT NULL,
    since_ms REAL NOT NULL,
    PRIMARY KEY (pair, key)
  ) STRICT, WITHOUT ROWID;

  -- When a round last looked for such keys, by the time of day and by the clock that nobody sets.
  CREATE TABLE gone_look (
    pair INTEGER NOT NULL PRIMARY KEY REFERENCES pair (id) ON DELETE CASCADE,
    at_ms REAL NOT NULL,
    monotonic_ms REAL NOT NULL,
    boot TEXT NOT NULL
  ) STRICT;

  -- That clock begins anew when the machine starts.
  ALTER TABLE trash_look ADD COLUMN boot TEXT NOT NULL DEFAULT '';
  `,
  `
  -- What is remembered of each backup's runs: JSON, see backups/backup-memory.ts.
  CREATE TABLE backup (
    backup TEXT NOT NULL PRIMARY KEY,
    memory TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- What the plan that a mapping is held with would do: JSON, see mapping/held-plan.ts.
  CREATE TABLE held_plan (
    mapping TEXT NOT NULL PRIMARY KEY,
    plan TEXT NOT NULL,
    record TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- Mappings of which a person asked that nothing be done until they are resumed.
  CREATE TABLE pause (
    mapping TEXT NOT NULL PRIMARY KEY,
    since_ms REAL NOT NULL,
    -- As the person gave it; NULL: none was given.
    reason TEXT
  ) STRICT, WITHOUT ROWID;

  -- Conflicts that wait for a person, the first of each mapping, as its rounds last found them.
  CREATE TABLE waiting_conflict (
    mapping TEXT NOT NULL,
    key BLOB NOT NULL,
    since_ms REAL NOT NULL,
    -- JSON: see mapping/conflicts/remember-conflicts.ts.
    versions TEXT NOT NULL,
    PRIMARY KEY (mapping, key)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- What each target of notices was told of, and the message that is on its way to it: JSON, see notices/news.ts.
  CREATE TABLE notice_target (
    target TEXT NOT NULL PRIMARY KEY,
    state TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- A number that was told for an item never becomes another one's, also once the trash was emptied: a person may restore by it.
  CREATE TABLE numbered_trash (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    mapping TEXT NOT NULL,
    side TEXT NOT NULL,
    key BLOB NOT NULL,
    fingerprint TEXT NOT NULL,
    size INTEGER NOT NULL,
    metadata TEXT,
    expiration INTEGER,
    reason TEXT NOT NULL,
    saved_at_ms REAL NOT NULL,
    old_since_ms REAL
  ) STRICT;
  INSERT INTO numbered_trash (id, mapping, side, key, fingerprint, size, metadata, expiration, reason, saved_at_ms, old_since_ms)
    SELECT id, mapping, side, key, fingerprint, size, metadata, expiration, reason, saved_at_ms, old_since_ms FROM trash;
  DROP TABLE trash;
  ALTER TABLE numbered_trash RENAME TO trash;
  CREATE INDEX trash_by_key ON trash (mapping, key);
  CREATE INDEX trash_by_time ON trash (saved_at_ms);
  -- Whether another item has the same content: asked of each one that goes.
  CREATE INDEX trash_by_fingerprint ON trash (fingerprint);
  `,
  `
  -- Rounds that removed keys from a side within the last minutes: the guards count them together. Gone when a person lets a plan pass.
  CREATE TABLE recent_removal (
    id INTEGER PRIMARY KEY,
    pair INTEGER NOT NULL REFERENCES pair (id) ON DELETE CASCADE,
    -- The side that was changed: "local" or "remote".
    side TEXT NOT NULL,
    -- When, by the time of day and by the clock that nobody sets.
    at_ms REAL NOT NULL,
    monotonic_ms REAL NOT NULL,
    boot TEXT NOT NULL,
    -- As core/recent-removals.ts counts them.
    removed INTEGER NOT NULL,
    lasting INTEGER NOT NULL,
    known INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX recent_removal_by_pair ON recent_removal (pair, side, id);
  `,
  `
  -- How far the changes of a namespace have been followed in its server's change feed: see feed-cursors.ts.
  CREATE TABLE feed_cursor (
    pair INTEGER NOT NULL PRIMARY KEY REFERENCES pair (id) ON DELETE CASCADE,
    cursor TEXT NOT NULL,
    -- A digest of the mapping's config.
    config TEXT NOT NULL
  ) STRICT;
  `,
];
