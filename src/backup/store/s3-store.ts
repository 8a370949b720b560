// Object storage as a store: S3's own requests, of which R2, AWS and others know the same six. The bucket stands in the path, below that of the endpoint.
//
// - What arrives is checked by the server against a SHA-256 and an MD5.
// - `If-None-Match: *` keeps an object that is there. A store that does not know it (501) is asked first; one that ignores it writes the same once more.
// - An absence counts only if S3 says it (`NoSuchKey`): a 404 may come from anything on the way.
// - No multipart: an object of a repository has 16 MiB, or one value.

import { hash } from "node:crypto";
import type { S3Config } from "../../config/config.ts";
import type { Clock, EpochMs } from "../../core/clock.ts";
import { systemClock } from "../../core/system-clock.ts";
import type { Proxies } from "../../kv/proxies.ts";
import { declaredLength } from "../../kv/request-loop.ts";
import { openTransport, type TransportOptions } from "../../kv/transport.ts";
import { isObjectName, parseObjectName } from "./object-name.ts";
import { notStorage, objectOf, readRange, readSmall, readWhole, requireTag, sizeOf } from "./s3-answer.ts";
import type { S3Keys } from "./s3-keys.ts";
import { parseListingPage } from "./s3-listing.ts";
import { dateOf, openS3Requests, type S3Outcome, type SendS3 } from "./s3-requests.ts";
import { encodePart, openSigner } from "./s3-signer.ts";
import type { CallOptions, Range, Store, StoredObject, StoreEvents } from "./store.ts";
import { parseXml } from "./xml.ts";

export interface S3StoreOptions {
  readonly clock: Clock;
  readonly config: S3Config;
  readonly keys: S3Keys;
  readonly proxies: Proxies | undefined;
  /** For people. */
  readonly label: string;
  readonly events?: StoreEvents | undefined;
  readonly timeouts?: Partial<Pick<TransportOptions, "connectTimeoutMs" | "headersTimeoutMs" | "bodyTimeoutMs">>;
}

const TIMEOUTS = { connectTimeoutMs: 10_000, headersTimeoutMs: 120_000, bodyTimeoutMs: 60_000 } as const;
/** 1,000 objects with names of 1,024 bytes, each of which may be escaped in six. */
const PAGE_BYTES_MAX = 16_000_000;

export function openS3Store({ clock, config, keys, proxies, label, events = {}, timeouts }: S3StoreOptions): Store {
  const { bucket, prefix, region } = config;
  const { origin, host, pathname } = new URL(config.endpoint);
  const transport = openTransport({
    // As undici's own timeouts, by real time.
    clock: systemClock,
    origin,
    proxies,
    ...TIMEOUTS,
    ...timeouts,
    onBytesUp: () => undefined,
    onBytesDown: () => undefined,
  });
  const sign = openSigner({ clock, region, keys });
  const opened: Bucket = {
    send: openS3Requests({ clock, transport, sign, origin, bucket, region, events }),
    path: `${pathname.replace(/\/+$/, "")}/${encodePart(bucket)}`,
    keyOf: (name) => (prefix === "" ? name : `${prefix}/${name}`),
    host,
    label,
  };
  const named = <T>(name: string, work: (object: NamedObject) => Promise<T>, options?: CallOptions): Promise<T> => {
    parseObjectName(name);
    const path = `${opened.path}/${opened.keyOf(name).split("/").map(encodePart).join("/")}`;
    return work({ name, path, signal: options?.signal });
  };
  const put = openPut(opened);
  return {
    label,
    putNew: async (name, bytes, options) => named(name, (object) => put(object, bytes), options),
    get: async (name, range, options) => named(name, (object) => getObject(opened, object, range), options),
    head: async (name, options) => named(name, (object) => headObject(opened, object), options),
    list: (listed, options) => listObjects(opened, listed, options),
    remove: async (name, options) => named(name, (object) => removeObject(opened, object), options),
    now: async (options) =>
      (await named("config.json", (object) => readDate(opened, object), options)) ??
      named(`clock/${probeName(clock)}`, (object) => readProbe(opened, object), options),
    close: () => transport.close(),
  };
}

function probeName(clock: Clock): string {
  return Math.floor(clock.random() * 2 ** 48).toString(36);
}

interface Bucket {
  readonly send: SendS3;
  /** Encoded. */
  readonly path: string;
  /** The key of an object, or what the keys of several begin with. */
  readonly keyOf: (name: string) => string;
  readonly host: string;
  readonly label: string;
}

interface NamedObject {
  readonly name: string;
  /** Encoded. */
  readonly path: string;
  readonly signal: AbortSignal | undefined;
}

/** Undefined: there is no such object. */
function expectObject<T>(outcome: S3Outcome<T>, what: string, host: string): T | undefined {
  if (outcome.kind === "done") return outcome.value;
  if (outcome.kind === "missing") return undefined;
  throw notStorage(what, host);
}

function openPut(bucket: Bucket): (object: NamedObject, bytes: Uint8Array) => Promise<"written" | "exists"> {
  const { send, host, label } = bucket;
  let knowsConditions = true;
  return async function put(object, bytes) {
    const { name, path, signal } = object;
    const isConditional = knowsConditions;
    if (!isConditional && (await headObject(bucket, object)) !== undefined) return "exists";
    const what = `store ${name} in ${label}`;
    const outcome = await send({
      what,
      method: "PUT",
      path,
      headers: { "content-md5": hash("md5", bytes, "base64"), ...(isConditional && { "if-none-match": "*" }) },
      body: bytes,
      signal,
      success: [200, 201],
      read: async (answer) => {
        requireTag(answer, what, host);
        await readSmall(answer);
      },
    });
    if (outcome.kind === "done") return "written";
    if (outcome.kind === "no-conditions" && isConditional) {
      knowsConditions = false;
      return put(object, bytes);
    }
    if (outcome.kind !== "exists") throw notStorage(what, host);
    if (!outcome.isRepeated) return "exists";
    // The attempt before this one may have stored it, and its answer was lost.
    const stored = await getObject(bucket, object, undefined);
    return stored !== undefined && Buffer.compare(stored, bytes) === 0 ? "written" : "exists";
  };
}

async function getObject(
  bucket: Bucket,
  object: NamedObject,
  range: Range | undefined,
): Promise<Uint8Array | undefined> {
  const { send, host, label } = bucket;
  const { name, path, signal } = object;
  if (range?.length === 0) return (await headObject(bucket, object)) && new Uint8Array();
  const what = `read ${name} in ${label}`;
  const outcome = await send<Uint8Array>({
    what,
    method: "GET",
    path,
    ...(range && { headers: { range: `bytes=${range.at}-${range.at + range.length - 1}` } }),
    signal,
    success: range === undefined ? [200] : [200, 206, 416],
    read: async (answer) => {
      if (answer.status !== 416) requireTag(answer, what, host);
      return range === undefined ? readWhole(answer) : readRange(answer, { name, label, range });
    },
  });
  return expectObject(outcome, what, host);
}

async function headObject(
  { send, host, label }: Bucket,
  { name, path, signal }: NamedObject,
): Promise<StoredObject | undefined> {
  const what = `look for ${name} in ${label}`;
  const outcome = await send({
    what,
    method: "HEAD",
    path,
    signal,
    success: [200],
    read: async (answer) => {
      answer.body.drop();
      const found = objectOf(name, answer, declaredLength(answer.headers));
      if (found === undefined) throw notStorage(what, host);
      return found;
    },
  });
  const found = expectObject(outcome, what, host);
  if (found !== undefined) return found;
  // The answer to HEAD has no body, which would tell what is missing: the object, or the bucket.
  const asked = await send({
    what,
    method: "GET",
    path,
    headers: { range: "bytes=0-0" },
    signal,
    success: [200, 206, 416],
    read: async (answer) => {
      answer.body.drop();
      return objectOf(name, answer, sizeOf(answer));
    },
  });
  return expectObject(asked, what, host);
}

async function* listObjects(
  { send, path, keyOf, host, label }: Bucket,
  listed: string,
  options: CallOptions | undefined,
): AsyncGenerator<readonly StoredObject[]> {
  const what = `list ${listed === "" ? "all objects" : listed} in ${label}`;
  const prefix = keyOf(listed);
  const tokens = new Set<string>();
  let token: string | undefined;
  do {
    const query = { "encoding-type": "url", "list-type": "2", "max-keys": "1000", prefix };
    const all = Object.entries(token === undefined ? query : { ...query, "continuation-token": token });
    const outcome = await send({
      what,
      method: "GET",
      path: `${path}?${all.map(([name, value]) => `${name}=${encodePart(value)}`).join("&")}`,
      signal: options?.signal,
      success: [200],
      read: async (answer) => parseListingPage(parseXml((await readSmall(answer, PAGE_BYTES_MAX)).toString())),
    });
    const page = outcome.kind === "done" ? outcome.value : undefined;
    // A listing that goes round in circles has no end, and what is not a page tells of no absence.
    if (page === undefined || tokens.has(page.next ?? "")) throw notStorage(what, host);
    const objects = page.objects.flatMap((object) => {
      const name = object.name.startsWith(prefix) ? listed + object.name.slice(prefix.length) : "";
      return isObjectName(name) ? [{ ...object, name }] : [];
    });
    if (objects.length > 0) yield objects;
    token = page.next;
    if (token !== undefined) tokens.add(token);
  } while (token !== undefined);
}

async function removeObject({ send, host, label }: Bucket, { name, path, signal }: NamedObject): Promise<void> {
  const what = `remove ${name} in ${label}`;
  expectObject(
    await send({ what, method: "DELETE", path, signal, success: [200, 204], read: (answer) => readSmall(answer) }),
    what,
    host,
  );
}

/** Of the server, as any answer tells it; undefined: its answers have no Date. */
async function readDate({ send, label }: Bucket, { path, signal }: NamedObject): Promise<EpochMs | undefined> {
  const outcome = await send({
    what: `tell the time of ${label}`,
    method: "HEAD",
    path,
    signal,
    success: [200, 404],
    read: async (answer) => {
      answer.body.drop();
      return dateOf(answer);
    },
  });
  return outcome.kind === "done" ? outcome.value : undefined;
}

/** The time of a new object, where answers have no Date, as those of wrangler's R2. */
async function readProbe(bucket: Bucket, object: NamedObject): Promise<EpochMs> {
  await openPut(bucket)(object, new Uint8Array());
  const found = await headObject(bucket, object);
  await removeObject(bucket, object);
  if (found !== undefined) return found.modified;
  throw notStorage(`tell the time of ${bucket.label}`, bucket.host);
}
