// The remote as it truly is, whatever it shows: the embedded server's own file, read past the lag, with a trigger in it
// that keeps each value that was replaced or deleted, in order. And the client as kvsync has it, each request of which
// takes time and is looked over for what it shows.

import { DatabaseSync } from "node:sqlite";
import { fingerprintOf } from "../../src/core/fingerprint.ts";
import type { Json } from "../../src/core/json-value.ts";
import { unstampMetadata } from "../../src/core/stamp.ts";
import type { KvClient } from "../../src/kv/kv-client.ts";

interface Destroyed {
  readonly bytes: Uint8Array;
  /** What took its place, if anything did. */
  readonly by: Uint8Array | undefined;
  /** Real time, not simulated, in ms. */
  readonly at: number;
}

export interface FarSide {
  /** The values that were destroyed since it was last asked. */
  destroyed(): readonly Destroyed[];
  value(key: string): Uint8Array | undefined;
  keys(): ReadonlyMap<string, Uint8Array>;
  /** Keys whose stamp is of another value, since somebody wrote it back: no listing tells that they were written. */
  misstamped(): ReadonlySet<string>;
  isMisstamped(key: string): boolean;
  close(): void;
}

/** `path`: the database of a server that has been opened. */
export function openFarSide(path: string): FarSide {
  const database = new DatabaseSync(path);
  database.exec(`
    CREATE TABLE IF NOT EXISTS destroyed (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL, successor BLOB, at REAL NOT NULL);
    CREATE TRIGGER IF NOT EXISTS replaced BEFORE INSERT ON value BEGIN
      INSERT INTO destroyed (bytes, successor, at)
      SELECT bytes, NEW.bytes, unixepoch('subsec') * 1000 FROM value WHERE id = NEW.id;
    END;
    CREATE TRIGGER IF NOT EXISTS deleted BEFORE DELETE ON value BEGIN
      INSERT INTO destroyed (bytes, at) VALUES (OLD.bytes, unixepoch('subsec') * 1000);
    END;
  `);
  const all = "SELECT CAST(key AS TEXT) AS key, bytes, metadata FROM entry JOIN value ON value.id = entry.value";
  const one = database.prepare(`${all} WHERE key = CAST(? AS BLOB)`);
  const every = database.prepare(`${all} ORDER BY entry.key`);
  const take = database.prepare("SELECT id, bytes, successor, at FROM destroyed WHERE id > ? ORDER BY id");
  let last = 0;
  return {
    destroyed() {
      const rows = take.all(last) as { id: number; bytes: Uint8Array; successor: Uint8Array | null; at: number }[];
      last = rows.at(-1)?.id ?? last;
      return rows.map(({ bytes, successor, at }) => ({ bytes, by: successor ?? undefined, at }));
    },
    value: (key) => (one.get(key) as { bytes: Uint8Array } | undefined)?.bytes,
    keys: () =>
      new Map((every.all() as { key: string; bytes: Uint8Array }[]).map(({ key, bytes }) => [key, bytes] as const)),
    isMisstamped: (key) => isMisstamped(one.get(key) as Held | undefined),
    misstamped: () => new Set((every.all() as unknown as Held[]).filter(isMisstamped).map(({ key }) => key)),
    close: () => database.close(),
  };
}

interface Held {
  readonly key: string;
  readonly bytes: Uint8Array;
  readonly metadata: string | null;
}

function isMisstamped(held: Held | undefined): boolean {
  if (held === undefined || held.metadata === null) return false;
  const { stamp } = unstampMetadata(JSON.parse(held.metadata) as Json);
  return stamp !== undefined && stamp.fingerprint !== fingerprintOf(held.bytes);
}

export interface ShownVersion {
  /** Takes the time that a request takes. */
  readonly passTime: () => Promise<void>;
  readonly onValue: (bytes: Uint8Array) => void;
  /** A listing shows this metadata. */
  readonly onMetadata: (metadata: unknown) => void;
}

/** `client` as seen by whoever uses it. */
export function watchedClient(client: KvClient, { passTime, onValue, onMetadata }: ShownVersion): KvClient {
  return {
    ...client,
    async listKeys(id, query, options) {
      await passTime();
      const page = await client.listKeys(id, query, options);
      for (const { metadata } of page.keys) onMetadata(metadata);
      return page;
    },
    async bulkGet(id, keys, options) {
      await passTime();
      const values = await client.bulkGet(id, keys, options);
      // Of what arrives after a round was broken off nobody sees anything.
      if (options?.signal?.aborted === true) return values;
      for (const value of values.values()) if (value?.bytes !== undefined) onValue(value.bytes);
      return values;
    },
    async readValue(id, key, options) {
      await passTime();
      const stream = await client.readValue(id, key, options);
      if (stream === undefined) return undefined;
      const bytes = await stream.bytes();
      if (options?.signal?.aborted !== true) onValue(bytes);
      return {
        ...stream,
        bytes: async () => bytes,
        body: (async function* () {
          yield bytes;
        })(),
      };
    },
    async bulkWrite(id, body, options) {
      await passTime();
      return client.bulkWrite(id, body, options);
    },
    async writeValue(id, key, value, attributes, options) {
      await passTime();
      return client.writeValue(id, key, value, attributes, options);
    },
    async bulkDelete(id, keys, options) {
      await passTime();
      return client.bulkDelete(id, keys, options);
    },
    async deleteValue(id, key, options) {
      await passTime();
      return client.deleteValue(id, key, options);
    },
  };
}
