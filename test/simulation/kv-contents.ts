// Namespaces that are backed up, and what truly is in them: text, JSON, binary and empty values, large ones, metadata of every kind, expirations,
// most with a stamp as kvsync writes it. Values come from a small pool, so that what was forgotten comes back.

import { isUtf8 } from "node:buffer";
import { createCipheriv, createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { fingerprintOf, sha256Of } from "../../src/core/fingerprint.ts";
import { canonicalJson } from "../../src/core/json.ts";
import type { Json } from "../../src/core/json-value.ts";
import { stampMetadata, unstampMetadata } from "../../src/core/stamp.ts";

interface HeldValue {
  readonly sha256: string;
  /** The user's own, as canonical JSON. */
  readonly metadata: string | undefined;
  readonly expiration: number | undefined;
}

/** By key. It never changes. */
export type Content = ReadonlyMap<string, HeldValue>;

interface Namespace {
  readonly title: string;
  /** Of small values. */
  readonly keys: number;
  /** Bytes of each large one. */
  readonly large: readonly number[];
}

export interface KvContents {
  content(title: string): Content;
  /** Writes and deletes some keys: `share` of them at most. */
  change(title: string, share: number): Promise<void>;
  /** Runs `work` with a new namespace of this title, and drops it; returns what was in it then. */
  filled(title: string, work: () => Promise<void>): Promise<Content>;
  close(): void;
}

interface Deps {
  readonly chance: () => number;
  /** Of the account's namespaces. */
  readonly url: string;
  /** The server's database. */
  readonly database: string;
  readonly namespaces: readonly Namespace[];
}

const VARIANTS = 5;
const DELETED_SHARE = 0.1;
const STAMPED_SHARE = 0.8;
const LARGE_CHANGED_SHARE = 0.1;
const MONTH_S = 30 * 86_400;

export async function openKvContents({ chance, url, database, namespaces }: Deps): Promise<KvContents> {
  const later = Math.floor(Date.now() / 1000) + MONTH_S;
  const rows = new DatabaseSync(database, { readOnly: true });
  const select = rows.prepare(
    `SELECT CAST(key AS TEXT) AS key, bytes, metadata, expiration FROM entry JOIN value ON value.id = entry.value
     JOIN namespace ON namespace.number = entry.namespace WHERE namespace.id = ?`,
  );
  const ids = new Map<string, string>();
  const contents = new Map<string, Content>();
  const call = callsTo(url);
  const create = async (title: string): Promise<string> =>
    ((await call("POST", "", { title })) as { readonly id: string }).id;

  async function write(title: string, numbers: readonly number[]): Promise<void> {
    const namespace = namespaces.find((each) => each.title === title)!;
    const content = new Map(contents.get(title));
    const pairs: object[] = [];
    const gone: string[] = [];
    for (const i of numbers) {
      const key = keyOf(i);
      if (content.has(key) && chance() < DELETED_SHARE) {
        content.delete(key);
        gone.push(key);
        continue;
      }
      const variant = Math.floor(chance() * VARIANTS);
      const bytes = bytesOf(namespace, i, variant);
      const metadata = metadataOf(i, variant);
      const expiration = i % 7 === 0 ? later + i + variant : undefined;
      content.set(key, { sha256: sha256Of(bytes), metadata, expiration });
      const stamp = { fingerprint: fingerprintOf(bytes), size: bytes.byteLength, binary: !isUtf8(bytes) };
      const written = chance() < STAMPED_SHARE ? stampMetadata(metadata, stamp) : metadata;
      pairs.push({
        key,
        value: bytes.toString("base64"),
        base64: true,
        ...(written !== undefined && { metadata: JSON.parse(written) as Json }),
        ...(expiration !== undefined && { expiration }),
      });
    }
    const path = `/${ids.get(title)}/bulk`;
    if (pairs.length > 0) await call("PUT", path, pairs);
    if (gone.length > 0) await call("POST", `${path}/delete`, gone);
    contents.set(title, content);
  }

  for (const { title, keys, large } of namespaces) {
    ids.set(title, await create(title));
    await write(
      title,
      Array.from({ length: keys + large.length }, (_, i) => i),
    );
  }
  return {
    content: (title) => contents.get(title)!,
    async change(title, share) {
      const { keys, large } = namespaces.find((each) => each.title === title)!;
      const count = 1 + Math.floor(chance() * share * keys);
      const numbers = new Set(Array.from({ length: count }, () => large.length + Math.floor(chance() * keys)));
      if (large.length > 0 && chance() < LARGE_CHANGED_SHARE) numbers.add(Math.floor(chance() * large.length));
      await write(title, [...numbers]);
    },
    async filled(title, work) {
      const id = await create(title);
      await work();
      const all = select.all(id) as unknown as readonly Row[];
      await call("DELETE", `/${id}`);
      return new Map(all.map((row) => [row.key, heldOf(row)]));
    },
    close: () => rows.close(),
  };
}

/** What differs: some of the keys, and how. */
export function differences(expected: Content, found: Content): readonly string[] {
  const keys = new Set([...expected.keys(), ...found.keys()]);
  return [...keys].flatMap((key) => {
    const [a, b] = [expected.get(key), found.get(key)];
    if (a === undefined) return [`${key} is there`];
    if (b === undefined) return [`${key} is missing`];
    const wrong = (["sha256", "metadata", "expiration"] as const).filter((name) => a[name] !== b[name]);
    return wrong.map((name) => `${key} has the ${name} ${String(b[name])} and not ${String(a[name])}`);
  });
}

interface Row {
  readonly key: string;
  readonly bytes: Uint8Array;
  readonly metadata: string | null;
  readonly expiration: number | null;
}

function heldOf({ bytes, metadata, expiration }: Row): HeldValue {
  const own = metadata === null ? undefined : unstampMetadata(JSON.parse(metadata) as Json).metadata;
  return { sha256: sha256Of(bytes), metadata: own, expiration: expiration ?? undefined };
}

function callsTo(url: string) {
  return async (method: string, path: string, body?: object): Promise<unknown> => {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: "Bearer any", "content-type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const { success, result, errors } = (await answer.json()) as Record<string, unknown>;
    if (success !== true) throw new Error(`${method} ${url}${path}: ${JSON.stringify(errors)}`);
    return result;
  };
}

function keyOf(i: number): string {
  return `${["flags", "pages", "ü"][i % 3]}/${i}`;
}

function bytesOf({ title, large }: Namespace, i: number, variant: number): Buffer {
  const size = large[i];
  // Two variants of a large one: they are most of the bytes.
  if (size !== undefined) return noise(`${title} ${i} ${variant % 2}`, size);
  // Some are the same in all namespaces.
  const name = `${i % 3 === 0 ? "any" : title} ${i} ${variant}`;
  if (i % 10 === 1) return noise(name, 100 + (i % 400));
  if (i % 10 === 2 && variant === 0) return Buffer.alloc(0);
  if (i % 2 === 0) return Buffer.from(JSON.stringify({ name, list: Array.from({ length: i % 40 }, (_, n) => n * i) }));
  return Buffer.from(`value ${name} ${"ä ".repeat((i * 7) % 500)}`);
}

/** The same bytes for the same name, which no compression makes smaller. */
function noise(name: string, size: number): Buffer {
  const key = createHash("sha256").update(name).digest();
  return createCipheriv("aes-256-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(size));
}

function metadataOf(i: number, variant: number): string | undefined {
  if (i % 5 === 0) return canonicalJson({ i, variant, tags: ["a", "ü"] });
  if (i % 11 === 0) return canonicalJson(`text ${variant}`);
  if (i % 13 === 0) return canonicalJson([i, variant]);
  return undefined;
}
