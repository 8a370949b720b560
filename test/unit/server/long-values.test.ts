// Values that are not held whole: stored while they arrive, sent while they are read.

import { connect, type Socket } from "node:net";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openSqliteStore } from "../../../src/server/store/sqlite/sqlite-store.ts";
import { type LongValue, PART_BYTES, type Store, StoreUnavailable } from "../../../src/server/store/store.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import type { TestServerOptions } from "../../support/server.ts";
import { type Kv, openKv } from "./kv-fixture.ts";

const MOST = 26_214_400;
let kv: Kv;

beforeEach(async () => {
  kv = await openKv();
});
afterEach(() => kv.close());

/** In place of the server that each test has. */
async function reopen(options: TestServerOptions): Promise<void> {
  await kv.close();
  kv = await openKv(options);
}

/** Not the same anywhere. */
function bytesOf(length: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let state = seed;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

const valueOf = async (key: string): Promise<Buffer> => (await kv.call("GET", `/${kv.id}/values/${key}`)).bytes;
const isStored = async (key: string, value: Buffer): Promise<boolean> => (await valueOf(key)).equals(value);
const chunked = { "transfer-encoding": "chunked" };

function form(parts: readonly (readonly [string, Buffer | string])[], end = "\r\n--BB--\r\n") {
  const pieces = parts.flatMap(([name, content], index) => [
    Buffer.from(`${index === 0 ? "" : "\r\n"}--BB\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n`),
    Buffer.from(content),
  ]);
  return {
    body: Buffer.concat([...pieces, Buffer.from(end)]),
    headers: { "content-type": "multipart/form-data; boundary=BB" },
  };
}

function target(key: string): string {
  return `${new URL(kv.server.namespacesUrl).pathname}/${kv.id}/values/${key}`;
}

function open(method: string, key: string, headers: Record<string, string> = {}): ClientRequest {
  const authorization = `Bearer ${kv.server.token}`;
  return request({
    host: "127.0.0.1",
    port: kv.server.port,
    agent: false,
    method,
    path: target(key),
    headers: { authorization, ...headers },
  });
}

function answerTo(sent: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => sent.on("response", resolve).on("error", reject));
}

async function contentOf(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const until = async (isSo: () => boolean): Promise<void> => {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
};

describe("a value of", () => {
  it.each([PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES, 2 * PART_BYTES + 1])(
    "%i bytes comes back as it was, however it was sent",
    async (length) => {
      const value = bytesOf(length);
      expect(await kv.outcome("PUT", "/values/raw", { body: value })).toEqual([200, undefined]);
      expect(await kv.outcome("PUT", "/values/chunked", { body: value, headers: chunked })).toEqual([200, undefined]);
      expect(await kv.outcome("PUT", "/values/form", form([["value", value]]))).toEqual([200, undefined]);
      for (const key of ["raw", "chunked", "form"]) {
        const answer = await kv.call("GET", `/${kv.id}/values/${key}`);
        expect([key, answer.bytes.equals(value), answer.headers["content-length"]]).toEqual([
          key,
          true,
          String(length),
        ]);
      }
    },
  );

  it("25 MiB is the longest, however it is sent, and the one before stays", async () => {
    const most = Buffer.alloc(MOST, 1);
    expect(await kv.outcome("PUT", "/values/k", { body: most, headers: chunked })).toEqual([200, undefined]);
    const more = Buffer.alloc(MOST + 1);
    for (const sent of [{ body: more }, { body: more, headers: chunked }, form([["value", more]])]) {
      const answer = await kv.call("PUT", `/${kv.id}/values/k`, sent);
      expect([answer.status, JSON.parse(answer.text).errors[0]]).toEqual([
        413,
        { code: 10024, message: `Value length of ${MOST + 1} exceeds limit of ${MOST}.` },
      ]);
    }
    expect(await isStored("k", most)).toBe(true);
  });

  it("more than 100 MiB is told so while it is still sent", async () => {
    for (const headers of [chunked, { "content-length": String(2 ** 40) }]) {
      const sent = open("PUT", "k", headers);
      const answered = answerTo(sent);
      const chunk = Buffer.alloc(1024 * 1024);
      const sendOn = (error?: Error | null): void => {
        if (error === undefined || error === null) sent.write(chunk, sendOn);
      };
      sendOn();
      const answer = await answered;
      expect([answer.statusCode, answer.headers["content-type"]]).toEqual([413, "text/html"]);
      sent.destroy();
    }
  });

  it("a megabyte has its expiration and its metadata", async () => {
    const value = bytesOf(1_000_000);
    const sent = form([
      ["value", value],
      ["metadata", '{"after":1}'],
    ]);
    expect(await kv.outcome("PUT", "/values/k?expiration_ttl=1000", sent)).toEqual([200, undefined]);
    const { headers, bytes } = await kv.call("GET", `/${kv.id}/values/k`);
    expect([bytes.equals(value), headers["expiration"]]).toEqual([true, expect.stringMatching(/^\d+$/)]);
    expect((await kv.json("GET", "/metadata/k")).result).toEqual({ after: 1 });
  });
});

describe("a long value", () => {
  const value = bytesOf(3 * PART_BYTES + 17);

  it("is sent when the server says that it may be", async () => {
    const sent = open("PUT", "k", { expect: "100-continue", "content-length": String(value.length) });
    const answered = answerTo(sent);
    sent.on("continue", () => sent.end(value));
    sent.flushHeaders();
    expect((await answered).statusCode).toBe(200);
    expect(await isStored("k", value)).toBe(true);
  });

  it.each([
    ["no namespace", () => `/${"0".repeat(32)}/values/k`, 404, 10013],
    ["no key that may be", () => `/${kv.id}/values/..`, 400, 10042],
    ["an expiration that is past", () => `/${kv.id}/values/k?expiration=1`, 400, 10033],
  ])("for %s is read to its end, refused, and not stored", async (_, path, status, code) => {
    for (const sent of [{ body: value }, { body: value, headers: chunked }, form([["value", value]])]) {
      const answer = await kv.call("PUT", path(), sent);
      expect([answer.status, JSON.parse(answer.text).errors[0].code]).toEqual([status, code]);
      expect(await kv.names()).toEqual([]);
    }
  });

  it("that breaks off leaves what was there", async () => {
    const lines: string[] = [];
    await reopen({ log: (line) => lines.push(line) });
    await kv.put("k", "before");
    const half = form([["value", value]]).body.subarray(0, 2 * PART_BYTES);
    for (const [headers, part] of [
      [{ "content-length": String(value.length) }, value.subarray(0, 2 * PART_BYTES)],
      [chunked, value.subarray(0, 2 * PART_BYTES)],
      [{ ...form([]).headers, "content-length": String(value.length) }, half],
    ] as const) {
      const sent = open("PUT", "k", headers);
      sent.on("error", () => undefined);
      await new Promise((resolve) => sent.write(part, resolve));
      lines.length = 0;
      sent.destroy();
      await until(() => lines.length > 0);
      expect(lines).toEqual([`PUT ${target("k")} the client went away`]);
    }
    expect(await kv.get("k")).toBe("before");
  });

  it("replaces a short one, and a short one it", async () => {
    await kv.put("k", "short");
    await kv.put("k", value);
    expect(await isStored("k", value)).toBe(true);
    await kv.put("k", "short");
    expect(await kv.get("k")).toBe("short");
  });

  it("is not overtaken by what was sent behind it", async () => {
    const socket = connect(kv.server.port, "127.0.0.1");
    const head = (method: string, more = ""): string =>
      `${method} ${target("k")} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${kv.server.token}\r\n${more}\r\n`;
    socket.write(head("PUT", `Content-Length: ${value.length}\r\n`));
    socket.write(value);
    socket.write(head("HEAD") + head("DELETE") + head("GET", "Connection: close\r\n"));
    const text = await allOf(socket);
    expect([...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => match[1])).toEqual(["200", "200", "200", "404"]);
    expect(text).toContain(`content-length: ${value.length}`);
  });

  it("is seen as it was by who reads it when it is replaced, or removed", async () => {
    await kv.put("k", value);
    const replaced = open("GET", "k").end();
    const first = await answerTo(replaced);
    await kv.put("k", bytesOf(2 * PART_BYTES, 2));
    const removed = open("GET", "k").end();
    const second = await answerTo(removed);
    await kv.call("DELETE", `/${kv.id}/values/k`);
    expect((await contentOf(first)).equals(value)).toBe(true);
    expect((await contentOf(second)).equals(bytesOf(2 * PART_BYTES, 2))).toBe(true);
    expect(await kv.get("k")).toBeUndefined();
  });

  it("may be an older one where writes settle slowly", async () => {
    await reopen({ faults: { settle: { seconds: 1000, probability: 1, spread: false } } });
    await kv.put("k", value);
    await kv.put("k", bytesOf(2 * PART_BYTES, 2));
    const seen = new Set<number>();
    for (let i = 0; i < 20; i++) seen.add((await valueOf("k")).length);
    expect(seen.has(value.length)).toBe(true);
  });

  it("is shown whole to who observes the server", async () => {
    const seen: (readonly [string, boolean | undefined, boolean | undefined])[] = [];
    await reopen({
      onAnswer: ({ method, requestBody, body }) => seen.push([method, requestBody?.equals(value), body?.equals(value)]),
    });
    await kv.put("k", value);
    await valueOf("k");
    await kv.call("HEAD", `/${kv.id}/values/k`);
    await kv.close(); // an exchange is shown after its answer has left
    expect(seen.slice(1)).toEqual([
      ["PUT", true, false],
      ["GET", false, true],
      ["HEAD", false, undefined],
    ]);
  });
});

describe("a form with a long value", () => {
  const value = bytesOf(2 * PART_BYTES);

  it.each([
    [
      "after",
      [
        ["value", value],
        ["metadata", "{"],
      ],
    ],
    [
      "before",
      [
        ["metadata", "{"],
        ["value", value],
      ],
    ],
  ] as const)("is refused for metadata %s it that is no JSON, and leaves what was there", async (_, parts) => {
    await kv.put("k", "before");
    expect(await kv.outcome("PUT", "/values/k", form(parts))).toEqual([400, 10147]);
    expect(await kv.get("k")).toBe("before");
  });

  it("is refused for metadata that is much too long, whatever it is", async () => {
    const sent = form([
      ["value", value],
      ["metadata", `${" ".repeat(2_000_000)}{}`],
    ]);
    expect(await kv.outcome("PUT", "/values/k", sent)).toEqual([413, 10047]);
    expect(await kv.names()).toEqual([]);
  });

  it("may have others, of which the first counts", async () => {
    const sent = form([
      ["other", bytesOf(PART_BYTES, 3)],
      ["value", value],
      ["value", bytesOf(2 * PART_BYTES, 2)],
      ["metadata", "1"],
      ["metadata", "2"],
    ]);
    expect(await kv.outcome("PUT", "/values/k", sent)).toEqual([200, undefined]);
    expect(await isStored("k", value)).toBe(true);
    expect((await kv.json("GET", "/metadata/k")).result).toBe(1);
  });

  it.each([
    ["breaks off inside it", form([["value", value]], "")],
    ["breaks off behind it", form([["value", value]], "\r\n--BB")],
    [
      "is followed by a hundred others",
      form([["value", value], ...Array.from({ length: 100 }, () => ["x", ""] as const)]),
    ],
  ])("that %s is refused", async (_, sent) => {
    expect(await kv.outcome("PUT", "/values/k", sent)).toEqual([400, 10012]);
    expect(await kv.names()).toEqual([]);
    expect(await kv.outcome("PUT", "/values/k", { body: "next" })).toEqual([200, undefined]);
  });

  it("full of what looks like its end keeps every byte, wherever it is cut", async () => {
    const nearly = Buffer.from("\r\n--B\r\n--BA\r\n\r\n--\r\r\n-\r\n--BX--");
    const tricky = Buffer.concat(Array.from({ length: 30_000 }, () => nearly));
    const { body, headers } = form([["value", tricky]]);
    const sent = open("PUT", "k", { ...headers, "content-length": String(body.length) });
    const answered = answerTo(sent);
    for (let at = 0, step = 1; at < body.length; at += step, step = (step * 7 + 3) % 9973)
      if (!sent.write(body.subarray(at, at + step))) await new Promise((resolve) => sent.once("drain", resolve));
    sent.end();
    expect((await answered).statusCode).toBe(200);
    expect(await isStored("k", tricky)).toBe(true);
  });

  it("may be followed by what is not a part of it", async () => {
    const sent = form([["value", value]], `\r\n--BB--\r\n${"epilogue".repeat(100_000)}`);
    expect(await kv.outcome("PUT", "/values/k", sent)).toEqual([200, undefined]);
    expect(await isStored("k", value)).toBe(true);
  });
});

describe("a fault", () => {
  const value = bytesOf(3 * PART_BYTES);

  it.each([
    [{ kind: "unavailable" } as const, false],
    [{ kind: "unavailable", applied: "all" } as const, true],
    [{ kind: "reset-before" } as const, false],
    [{ kind: "reset-after" } as const, true],
    [{ kind: "truncated" } as const, true],
  ])("%j strikes the write of a long value as that of a short one", async (rule, isApplied) => {
    for (const sent of [{ body: value }, form([["value", value]])]) {
      kv.server.setFaults({ rules: [rule] });
      await kv.call("PUT", `/${kv.id}/values/k`, sent).catch(() => undefined);
      kv.server.setFaults({});
      expect(await isStored("k", value)).toBe(isApplied);
      await kv.call("DELETE", `/${kv.id}/values/k`);
    }
  });

  it("that cuts an answer off cuts a long value off in the middle", async () => {
    await kv.put("k", value);
    kv.server.setFaults({ rules: [{ kind: "truncated" }] });
    const answer = await answerTo(open("GET", "k").end());
    let length = 0;
    answer.on("data", (chunk: Buffer) => (length += chunk.length));
    await new Promise((resolve) => answer.on("error", resolve));
    expect([answer.headers["content-length"], length]).toEqual([String(value.length), value.length / 2]);
  });
});

/** A store in which every value is `value`. */
async function storeOf(value: LongValue, clock = new FakeClock()): Promise<Store> {
  const store = await openSqliteStore(":memory:", clock);
  const entry = { value, metadata: null, expiration: null };
  return { ...store, entries: { ...store.entries, read: () => entry } };
}

/** 25 MiB; counts what is read of it. */
function countedValue(): LongValue & { read: number; isLeft: boolean } {
  const counted = {
    byteLength: MOST,
    read: 0,
    isLeft: false,
    async *parts() {
      try {
        for (let at = 0; at < MOST; at += PART_BYTES) {
          counted.read++;
          yield Buffer.alloc(PART_BYTES);
        }
      } finally {
        counted.isLeft = true;
      }
    },
  };
  return counted;
}

describe("a client that reads a long value", () => {
  it("slowly is not read ahead for, and gets all of it in the end", async () => {
    const value = countedValue();
    await reopen({ database: await storeOf(value), validate: false });
    const answer = await answerTo(open("GET", "k").end());
    let before = -1;
    // Until the kernel takes no more of it.
    while (value.read !== before) {
      before = value.read;
      for (let i = 0; i < 50; i++) await kv.call("HEAD", `/${kv.id}/values/k`);
    }
    expect(value.read).toBeLessThan(45);
    expect((await contentOf(answer)).length).toBe(MOST);
  });

  it("by HEAD costs no reading", async () => {
    const value = countedValue();
    await reopen({ database: await storeOf(value) });
    const answer = await kv.call("HEAD", `/${kv.id}/values/k`);
    expect([answer.headers["content-length"], value.read]).toEqual([String(MOST), 0]);
  });

  it("and goes away ends the reading", async () => {
    const value = countedValue();
    await reopen({ database: await storeOf(value), validate: false });
    const sent = open("GET", "k").end();
    await answerTo(sent);
    sent.destroy();
    await until(() => value.isLeft);
    expect(value.read).toBeLessThan(50);
  });

  it("for half an hour is cut off, and the log says why", async () => {
    const clock = new FakeClock();
    const lines: string[] = [];
    await reopen({ clock, database: await storeOf(countedValue(), clock), log: (line) => lines.push(line) });
    const answer = await answerTo(open("GET", "k").end());
    await until(() => clock.sleeping === 1);
    await clock.advance(30 * 60_000 - 1);
    expect(answer.closed).toBe(false);
    await clock.advance(1);
    await expect(contentOf(answer)).rejects.toThrow("aborted");
    expect(lines.at(-1)).toBe(`GET ${target("k")} the client took more than 30 minutes for the answer: it is cut off`);
    expect(clock.sleeping).toBe(0);
  });

  it.each([
    ["fails", new StoreUnavailable("the database is away")],
    ["ends too early", undefined],
  ])("that %s gets no end that looks like one", async (_, failure) => {
    const lines: string[] = [];
    const parts = async function* () {
      yield Buffer.alloc(PART_BYTES);
      if (failure !== undefined) throw failure;
    };
    const database = await storeOf({ byteLength: 2 * PART_BYTES, parts });
    await reopen({ database, log: (line) => lines.push(line) });
    await expect(contentOf(await answerTo(open("GET", "k").end()))).rejects.toThrow("aborted");
    await until(() => lines.length > 1);
    expect(lines.at(-1)).toContain(failure?.message ?? `a value of ${2 * PART_BYTES} bytes ended after ${PART_BYTES}`);
    expect((await kv.call("HEAD", `/${kv.id}/values/k`)).status).toBe(200);
  });
});

describe("a store that fails while a long value arrives", () => {
  const value = bytesOf(20 * PART_BYTES);

  it.each([
    ["a body", { body: value }],
    ["a form", form([["value", value]])],
  ])("is told when %s has been read, and the connection goes on", async (_, sent) => {
    const store = await openSqliteStore(":memory:", new FakeClock());
    const stage: Store["stage"] = async (chunks) => {
      for await (const chunk of chunks) if (chunk.length > 0) break;
      throw new StoreUnavailable("the database is away");
    };
    await reopen({ database: { ...store, stage } });
    expect(await kv.outcome("PUT", "/values/k", sent)).toEqual([503, 10001]);
    expect(await kv.outcome("PUT", "/values/k", { body: "short" })).toEqual([200, undefined]);
    expect(await kv.get("k")).toBe("short");
  });
});

async function allOf(socket: Socket): Promise<string> {
  let text = "";
  for await (const chunk of socket as AsyncIterable<Buffer>) text += chunk.toString("latin1");
  return text;
}
