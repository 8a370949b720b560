// The embedded server against a model that a reader can check by looking: a map of keys, and the rules of the API in the
// words of its documentation. Every answer of every operation on keys is held against it, byte for byte.

import { isUtf8 } from "node:buffer";
import { strict as assert } from "node:assert";
import type { FuzzRun } from "./fuzzer.ts";
import { startTestServer } from "../support/server.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { rawCall } from "../unit/server/kv-fixture.ts";

export const name = "the embedded server, and a model of it";

interface Held {
  readonly value: Buffer;
  readonly metadata: unknown;
  readonly expiration: number | undefined;
}

/** Few keys, so that operations meet; hostile ones, so that codecs do. */
const KEYS = [
  "a",
  "a/",
  "a//b",
  "%2F",
  "ключ",
  "\u{1f600}",
  "\ue000",
  "+ ?&#",
  "\u0000",
  "k".repeat(512),
  "..a",
  '\\"\n',
];
const VALUES = ["", "v", "\ufffd", "\u0000", '"\\', "ключ".repeat(50), "\u2028", "x".repeat(70_000)].map((text) =>
  Buffer.from(text),
);
const BINARY = [Buffer.from([0xff]), Buffer.from([0x80, 0x00, 0xc3]), Buffer.alloc(300, 0xfe)];
const METADATA = [undefined, { a: 1 }, [], "text", 0, false, { "": { "\u2028": [null] } }, "m".repeat(1000)];

export async function run({ seed, deadlineMs }: FuzzRun): Promise<number> {
  const clock = new FakeClock({ seed });
  const server = await startTestServer({ clock, validate: false });
  const done: string[] = [];
  let cases = 0;
  try {
    const id = await server.createNamespace("fuzzed");
    const world = new World(clock, server.port, `${new URL(server.namespacesUrl).pathname}/${id}`, server.token);
    while (Date.now() < deadlineMs) {
      const operation = world.pick(OPERATIONS);
      done.push(operation);
      await world[operation]((what) => (done[done.length - 1] = `${operation} ${what}`));
      cases++;
      if (done.length > 30) done.shift();
    }
  } catch (error) {
    throw new Error(`seed ${seed}, case ${cases}; the last operations were\n  ${done.join("\n  ")}`, { cause: error });
  } finally {
    await server.close();
  }
  return cases;
}

const OPERATIONS = [
  "put",
  "putForm",
  "get",
  "metadata",
  "remove",
  "list",
  "bulkPut",
  "bulkGet",
  "bulkRemove",
  "wait",
] as const;

type Tell = (what: string) => void;

class World {
  readonly #clock: FakeClock;
  readonly #port: number;
  readonly #path: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #held = new Map<string, Held>();

  constructor(clock: FakeClock, port: number, path: string, token: string) {
    this.#clock = clock;
    this.#port = port;
    this.#path = path;
    this.#headers = { authorization: `Bearer ${token}` };
  }

  pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#clock.random() * from.length)] as T;
  }

  #some<T>(from: readonly T[], max: number): T[] {
    return Array.from({ length: 1 + Math.floor(this.#clock.random() * max) }, () => this.pick(from));
  }

  get #now(): number {
    return Math.floor(this.#clock.now() / 1000);
  }

  /** What a look shows: what has expired is gone. */
  #shown(key: string): Held | undefined {
    const held = this.#held.get(key);
    return held?.expiration !== undefined && held.expiration <= this.#now ? undefined : held;
  }

  #value(): Buffer {
    return this.pick(this.#clock.random() < 0.3 ? BINARY : VALUES);
  }

  /** A query, what comes of it, and whether it is refused. */
  #expiry(): {
    readonly query: Record<string, string>;
    readonly expiration: number | undefined;
    readonly isRefused: boolean;
  } {
    const seconds = this.pick([0, 1, 59, 60, 61, 3600]);
    if (this.#clock.random() < 0.4) return { query: {}, expiration: undefined, isRefused: false };
    const isRefused = seconds < 60;
    if (this.#clock.random() < 0.5)
      return { query: { expiration_ttl: String(seconds) }, expiration: this.#now + seconds, isRefused };
    return { query: { expiration: String(this.#now + seconds) }, expiration: this.#now + seconds, isRefused };
  }

  #call(method: string, below: string, body?: Uint8Array | string, type?: string): ReturnType<typeof rawCall> {
    const headers = { ...this.#headers, ...(type !== undefined && { "content-type": type }) };
    return rawCall(this.#port, method, `${this.#path}${below}`, { body, headers });
  }

  async #json(method: string, below: string, body?: unknown) {
    const answer = await this.#call(
      method,
      below,
      body === undefined ? undefined : JSON.stringify(body),
      "application/json",
    );
    return {
      status: answer.status,
      ...(JSON.parse(answer.text) as { result: unknown; result_info?: { cursor: string } }),
    };
  }

  async put(tell: Tell): Promise<void> {
    const [key, value] = [this.pick(KEYS), this.#value()];
    const { query, expiration, isRefused } = this.#expiry();
    tell(JSON.stringify({ key, bytes: value.toString("base64").slice(0, 40), query }));
    const answer = await this.#call(
      "PUT",
      `/values/${encodeURIComponent(key)}?${new URLSearchParams(query).toString()}`,
      value,
    );
    assert.equal(answer.status, isRefused ? 400 : 200);
    if (!isRefused) this.#held.set(key, { value, metadata: undefined, expiration });
  }

  async putForm(tell: Tell): Promise<void> {
    const [key, value, metadata] = [this.pick(KEYS), this.#value(), this.pick(METADATA)];
    tell(JSON.stringify({ key, metadata }));
    const part = (field: string): string => `--B0B\r\nContent-Disposition: form-data; name="${field}"\r\n\r\n`;
    const body = Buffer.concat([
      Buffer.from(part("value")),
      value,
      Buffer.from(
        metadata === undefined
          ? "\r\n--B0B--\r\n"
          : `\r\n${part("metadata")}${JSON.stringify(metadata)}\r\n--B0B--\r\n`,
      ),
    ]);
    const answer = await this.#call(
      "PUT",
      `/values/${encodeURIComponent(key)}`,
      body,
      "multipart/form-data; boundary=B0B",
    );
    assert.equal(answer.status, 200);
    this.#held.set(key, { value, metadata, expiration: undefined });
  }

  async get(tell: Tell): Promise<void> {
    const key = this.pick(KEYS);
    tell(JSON.stringify(key));
    const answer = await this.#call("GET", `/values/${encodeURIComponent(key)}`);
    const held = this.#shown(key);
    assert.equal(answer.status, held === undefined ? 404 : 200);
    if (held === undefined) return;
    assert.deepEqual(answer.bytes, held.value);
    assert.equal(answer.headers["expiration"], held.expiration === undefined ? undefined : String(held.expiration));
  }

  async metadata(tell: Tell): Promise<void> {
    const key = this.pick(KEYS);
    tell(JSON.stringify(key));
    const held = this.#shown(key);
    const { status, result } = await this.#json("GET", `/metadata/${encodeURIComponent(key)}`);
    assert.equal(status, held === undefined ? 404 : 200);
    if (held !== undefined) assert.deepEqual(result, held.metadata ?? null);
  }

  async remove(tell: Tell): Promise<void> {
    const key = this.pick(KEYS);
    tell(JSON.stringify(key));
    assert.equal((await this.#json("DELETE", `/values/${encodeURIComponent(key)}`)).status, 200);
    this.#held.delete(key);
  }

  /** Some keys a page, all pages. */
  async list(tell: Tell): Promise<void> {
    const [prefix, limit] = [this.pick(["", "a", "a/", "%", "ключ", "zz"]), this.pick([10, 11, 1000])];
    tell(JSON.stringify({ prefix, limit }));
    const listed: unknown[] = [];
    for (let cursor = ""; ;) {
      const query = new URLSearchParams({ prefix, limit: String(limit), ...(cursor !== "" && { cursor }) });
      const { status, result, result_info: info } = await this.#json("GET", `/keys?${query.toString()}`);
      assert.equal(status, 200);
      listed.push(...(result as unknown[]));
      cursor = info?.cursor ?? "";
      if (cursor === "") break;
    }
    const expected = [...this.#held.keys()]
      .filter((key) => key.startsWith(prefix) && this.#shown(key) !== undefined)
      .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      .map((key) => {
        const { metadata, expiration } = this.#held.get(key) as Held;
        return {
          name: key,
          ...(expiration !== undefined && { expiration }),
          ...(metadata !== undefined && { metadata }),
        };
      });
    assert.deepEqual(listed, expected);
  }

  async bulkPut(tell: Tell): Promise<void> {
    const keys = [...new Set(this.#some(KEYS, 8))];
    const pairs = keys.map((key) => ({
      key,
      value: this.#value(),
      metadata: this.pick(METADATA),
      expiry: this.#expiry(),
    }));
    tell(JSON.stringify(pairs.map(({ key, expiry }) => [key, expiry.query])));
    const isRefused = pairs.some(({ expiry }) => expiry.isRefused);
    const body = pairs.map(({ key, value, metadata, expiry }) => ({
      key,
      ...(isUtf8(value) && this.#clock.random() < 0.5
        ? { value: value.toString() }
        : { value: value.toString("base64"), base64: true }),
      metadata,
      ...Object.fromEntries(Object.entries(expiry.query).map(([field, seconds]) => [field, Number(seconds)])),
    }));
    const { status } = await this.#json("PUT", "/bulk", body);
    assert.equal(status, isRefused ? 400 : 200);
    if (isRefused) return;
    for (const { key, value, metadata, expiry } of pairs) {
      this.#held.set(key, { value, metadata, expiration: expiry.expiration });
    }
  }

  async bulkGet(tell: Tell): Promise<void> {
    const keys = this.#some(KEYS, 8);
    const withMetadata = this.#clock.random() < 0.5;
    tell(JSON.stringify({ keys, withMetadata }));
    const { status, result } = await this.#json("POST", "/bulk/get", { keys, withMetadata });
    const isBinary = keys.some((key) => !isUtf8(this.#shown(key)?.value ?? Buffer.alloc(0)));
    assert.equal(status, isBinary ? 400 : 200);
    if (isBinary) return;
    const expected = keys.map((key) => {
      const held = this.#shown(key);
      if (held === undefined) return [key, null];
      const value = held.value.toString();
      const expiration = held.expiration === undefined ? {} : { expiration: held.expiration };
      return [key, withMetadata ? { value, metadata: held.metadata ?? null, ...expiration } : value];
    });
    assert.deepEqual((result as { values: unknown }).values, Object.fromEntries(expected));
  }

  async bulkRemove(tell: Tell): Promise<void> {
    const keys = this.#some(KEYS, 4);
    tell(JSON.stringify(keys));
    const isOld = this.#clock.random() < 0.3;
    const { status } = await this.#json(isOld ? "DELETE" : "POST", isOld ? "/bulk" : "/bulk/delete", keys);
    assert.equal(status, 200);
    for (const key of keys) this.#held.delete(key);
  }

  async wait(tell: Tell): Promise<void> {
    const seconds = this.pick([1, 30, 3600]);
    tell(`${seconds} s`);
    await this.#clock.advance(seconds * 1000);
  }
}
