// The status page over HTTP: every op, asked with and without a login, from the page and from elsewhere, on loopback and beyond; and what a hostile or
// broken client gets.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from "node:http";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { PageConfig } from "../../../../src/config/config.ts";
import { AppError } from "../../../../src/core/errors.ts";
import { hideSecret } from "../../../../src/core/redact.ts";
import type { DaemonStatus } from "../../../../src/daemon/control/daemon-status.ts";
import { OPS } from "../../../../src/daemon/control/parse-request.ts";
import type { ControlRequest } from "../../../../src/daemon/control/protocol.ts";
import type { DaemonEvent } from "../../../../src/daemon/daemon-event.ts";
import { openEventFeed } from "../../../../src/daemon/event-feed.ts";
import { OP_CLASSES } from "../../../../src/daemon/page/op-classes.ts";
import { openStatusPage, type StatusPage } from "../../../../src/daemon/page/status-page.ts";
import { FakeClock } from "../../../support/fake-clock.ts";

const LOCAL: PageConfig = { listen: { host: "127.0.0.1", port: 0 }, hosts: [] };
const PROXIED: PageConfig = { ...LOCAL, hosts: ["kvsync.example"] };
const EVERYWHERE: PageConfig = { listen: { host: "0.0.0.0", port: 0 }, hosts: [] };

let clock: FakeClock;
let folder: string;
let page: StatusPage;
let asked: ControlRequest[];
let bugs: unknown[];
let events: DaemonEvent[];
let answer: (request: ControlRequest) => unknown;

beforeEach(() => {
  clock = new FakeClock();
  folder = mkdtempSync(join(tmpdir(), "kvsync-page-"));
  writeFileSync(join(folder, "index.html"), "<!doctype html>");
  asked = [];
  bugs = [];
  events = [];
  answer = ({ op }) => ({ did: op });
  page = openStatusPage({
    clock,
    assetsFolder: folder,
    feed: openEventFeed(clock),
    startedAt: clock.now(),
    status: () => ({ now: clock.now(), mappings: [] }) as unknown as DaemonStatus,
    handle: async (one) => {
      asked.push(one);
      return answer(one);
    },
    onEvent: (event) => events.push(event),
    onBug: (error) => bugs.push(error),
  });
});

afterEach(async () => {
  await page.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Got {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface Ask {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | undefined;
}

const portOf = (): number => Number(new URL(page.url()!).port);

function ask(path: string, { method = "GET", headers = {}, body }: Ask = {}): Promise<Got> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port: portOf(), path, method, headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (text += chunk));
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode!, headers: response.headers, body: text }));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

const ownHost = (): string => `127.0.0.1:${portOf()}`;

/** As the page itself asks. */
const own = (headers: OutgoingHttpHeaders = {}): OutgoingHttpHeaders => ({
  host: ownHost(),
  origin: `http://${ownHost()}`,
  "sec-fetch-site": "same-origin",
  ...headers,
});

const api = (body: object | string, headers: OutgoingHttpHeaders = {}): Promise<Got> =>
  ask("/api", {
    method: "POST",
    headers: own({ "content-type": "application/json", ...headers }),
    body: typeof body === "string" ? body : JSON.stringify(body),
  });

const tokenOf = (url: string): string => new URL(url).searchParams.get("token")!;

const postLogin = (token: string, headers: OutgoingHttpHeaders = {}): Promise<Got> =>
  ask("/login", {
    method: "POST",
    headers: own({ "content-type": "application/x-www-form-urlencoded", ...headers }),
    body: `token=${encodeURIComponent(token)}`,
  });

/** The cookie of a new session. */
async function login(): Promise<string> {
  const { status, headers } = await postLogin(tokenOf(page.link().url));
  expect(status).toBe(303);
  return headers["set-cookie"]![0]!.split(";")[0]!;
}

/** Enough for any op. */
const bodyOf = (op: string): object => ({
  op,
  mapping: "app",
  mappings: ["app"],
  backups: ["nightly"],
  key: "k",
  keep: "local",
  local: "a",
  remote: "b",
  plan: "p",
  limit: 1,
  id: 1,
  ids: [1],
});

describe("every op", () => {
  it("that may be asked for without a login shows no value and changes nothing", () => {
    const of = (opClass: string): readonly string[] => OPS.filter((op) => OP_CLASSES[op] === opClass).toSorted();
    expect(of("read")).toEqual(["conflicts", "history", "plan", "status", "trash"]);
    expect(of("value")).toEqual(["conflict"]);
    expect(of("socket")).toEqual([
      "events",
      "page-link",
      "ping",
      "reload",
      "trash-empty",
      "trash-need",
      "trash-restore-many",
    ]);
  });

  const COOKIES = ["none", "bad", "session"] as const;
  const PLACES = [
    ["loopback", LOCAL],
    ["behind a proxy", PROXIED],
    ["all addresses", EVERYWHERE],
  ] as const;

  it.each(PLACES)("is answered at %s to whom it may be, and to nobody else", async (place, config) => {
    await page.follow(config);
    const session = await login();
    for (const op of OPS) {
      const opClass = OP_CLASSES[op];
      for (const kind of COOKIES) {
        const cookie = { none: "", bad: `${session.slice(0, -1)}!`, session }[kind];
        const isIn = kind === "session";
        const mayRead = isIn || place === "loopback";
        asked = [];
        const { status, body } = await api(bodyOf(op), { cookie });
        const expected = !mayRead ? 401 : opClass === "socket" ? 403 : opClass === "read" || isIn ? 200 : 401;
        expect([op, kind, status]).toEqual([op, kind, expected]);
        expect(asked.map((one) => one.op)).toEqual(expected === 200 ? [op] : []);
        expect(JSON.parse(body)).toMatchObject(expected === 200 ? { ok: true, result: { did: op } } : { ok: false });
        const elsewhere: readonly OutgoingHttpHeaders[] = [
          { origin: "http://evil.example", "sec-fetch-site": "cross-site" },
          { origin: `http://127.0.0.1:${portOf() + 1}`, "sec-fetch-site": "same-site" },
          { origin: "null" },
          { host: "evil.example", origin: "http://evil.example" },
          { "content-type": "text/plain" },
          { "content-type": "application/x-www-form-urlencoded" },
        ];
        asked = [];
        for (const headers of elsewhere) {
          const refused = await api(bodyOf(op), { cookie, ...headers });
          expect([op, kind, headers, refused.status]).toEqual([op, kind, headers, headers["content-type"] ? 415 : 403]);
        }
        expect(asked).toEqual([]);
      }
    }
  });

  it("without an Origin is refused, and so is a GET, with a login", async () => {
    await page.follow(LOCAL);
    const cookie = await login();
    const body = JSON.stringify(bodyOf("approve"));
    const headers = { host: ownHost(), "content-type": "application/json", cookie };
    expect((await ask("/api", { method: "POST", headers, body })).status).toBe(403);
    for (const method of ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
      expect((await ask("/api?op=approve&mapping=app", { method, headers: own({ cookie }) })).status).toBe(405);
    expect(asked).toEqual([]);
  });

  it("about a plan must name the one that was shown", async () => {
    await page.follow(LOCAL);
    const cookie = await login();
    for (const op of ["approve", "discard"]) expect((await api({ op, mapping: "app" }, { cookie })).status).toBe(400);
    expect(asked).toEqual([]);
  });

  it("about a conflict must name both values that were shown", async () => {
    await page.follow(LOCAL);
    const cookie = await login();
    const choice = { op: "resolve", mapping: "app", key: "k", keep: "local" };
    const [none, one] = [await api(choice, { cookie }), await api({ ...choice, local: "a" }, { cookie })];
    expect([none.status, one.status]).toEqual([400, 400]);
    expect(asked).toEqual([]);
    expect((await api({ ...choice, local: "a", remote: "none" }, { cookie })).status).toBe(200);
  });

  it("shows metadata and fingerprints to who has logged in, and to nobody else", async () => {
    await page.follow(LOCAL);
    const line = { key: "k", local: { metadata: { owner: "ada" }, fingerprint: "f00d" } };
    answer = () => [line];
    const cookie = await login();
    const [open, loggedIn] = [await api({ op: "conflicts" }), await api({ op: "conflicts" }, { cookie })];
    expect(JSON.parse(open.body)).toEqual({
      ok: true,
      result: [{ key: "k", local: { metadata: null, fingerprint: null } }],
    });
    expect(JSON.parse(loggedIn.body)).toEqual({ ok: true, result: [line] });
  });

  it("with two Hosts is refused: who stands before the page may go by the other one", async () => {
    await page.follow(LOCAL);
    const lines = ["GET / HTTP/1.1", `Host: 127.0.0.1:${portOf()}`, "Host: evil.example", "Connection: close", "", ""];
    const socket = connect(portOf(), "127.0.0.1", () => socket.write(lines.join("\r\n")));
    socket.setEncoding("utf8");
    let answered = "";
    for await (const chunk of socket as AsyncIterable<string>) answered += chunk;
    expect(answered).toMatch(/^HTTP\/1\.1 400 /);
  });

  it("lists 1,000 rows at most", async () => {
    await page.follow(LOCAL);
    await api({ op: "history", limit: 100_000 });
    expect(asked).toMatchObject([{ op: "history", limit: 1000 }]);
  });
});

describe("an answer", () => {
  it("has keys full of HTML, scripts and control characters as they are", async () => {
    await page.follow(LOCAL);
    const keys = Array.from(
      { length: 1000 },
      (_, i) => `</script><img src=x onerror=alert(${i})>\u0000\u2028\n"'&é\u{1f600}${i}`,
    );
    answer = () => keys;
    const { body, headers } = await api({ op: "status" });
    expect(JSON.parse(body)).toEqual({ ok: true, result: keys });
    expect(headers["content-type"]).toBe("application/json; charset=utf-8");
  });

  it("says what the daemon refuses, with its hint, and shows no secret", async () => {
    hideSecret("very-secret-token-2");
    await page.follow(LOCAL);
    answer = () => {
      throw new AppError("usage", "no, very-secret-token-2", { hint: "do" });
    };
    const { status, body } = await api({ op: "status" });
    expect([status, JSON.parse(body)]).toEqual([
      200,
      { ok: false, error: { code: "usage", message: "no, [secret]", hint: "do" } },
    ]);
  });

  it("says nothing of a bug but that there was one", async () => {
    await page.follow(LOCAL);
    answer = () => {
      throw new TypeError("inner matters");
    };
    const { body } = await api({ op: "status" });
    expect(body).not.toContain("inner");
    expect(bugs).toHaveLength(1);
  });

  it("of any kind has the headers that keep others out", async () => {
    await page.follow(LOCAL);
    const asks: readonly Promise<Got>[] = [
      ask("/"),
      ask("/page.js"),
      ask("/nowhere"),
      ask("/login"),
      ask(`/login?token=${tokenOf(page.link().url)}`),
      ask("/login?token=x"),
      ask("/logout"),
      ask("/api"),
      ask("/", { headers: { host: "evil.example" } }),
      api({ op: "status" }),
      api("{"),
      postLogin("x"),
      postLogin(tokenOf(page.link().url)),
    ];
    for (const got of await Promise.all(asks)) {
      expect(got.headers).toMatchObject({
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "cache-control": "no-store",
      });
      expect(got.headers["access-control-allow-origin"]).toBeUndefined();
      expect(got.headers["content-security-policy"]).toMatch(/^default-src 'none'; script-src 'self';/);
      expect(got.headers["referrer-policy"]).toMatch(/^(no-referrer|same-origin)$/);
    }
  });
});

describe("logging in", () => {
  beforeEach(() => page.follow(LOCAL));

  it("a look at the link does not use it up, posting its form does, once", async () => {
    const url = new URL(page.link().url);
    const token = tokenOf(url.href);
    for (let i = 0; i < 3; i++) {
      const { status, headers, body } = await ask(url.pathname + url.search);
      expect([status, headers["set-cookie"]]).toEqual([200, undefined]);
      expect(body).toContain(`value="${token}"`);
    }
    const { status, headers } = await postLogin(token);
    expect([status, headers.location]).toEqual([303, "/"]);
    expect(headers["set-cookie"]).toEqual([
      expect.stringMatching(/^kvsync_session_\d+=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=604800$/),
    ]);
    const again = await postLogin(token);
    expect([again.status, again.headers["set-cookie"]]).toEqual([403, undefined]);
  });

  it.each([
    ["another origin", { origin: "http://evil.example", "sec-fetch-site": "cross-site" }, 403],
    ["a form of a page that tells no origin", { origin: "null" }, 403],
    ["another host", { host: "evil.example", origin: "http://evil.example" }, 403],
  ])("from %s is refused, and the link stays good", async (_, headers, status) => {
    const token = tokenOf(page.link().url);
    const refused = await postLogin(token, headers);
    expect([refused.status, refused.headers["set-cookie"]]).toEqual([status, undefined]);
    expect((await postLogin(token)).status).toBe(303);
  });

  it("with a link that is too old, was made up or is missing is refused, and too many of them are told to wait", async () => {
    const token = tokenOf(page.link().url);
    await clock.advance(600_000);
    for (const bad of [token, "A".repeat(43), "", "<script>"]) expect((await postLogin(bad)).status).toBe(403);
    for (let i = 0; i < 6; i++) await postLogin("A".repeat(43));
    const { status, headers } = await postLogin("A".repeat(43));
    expect([status, headers["retry-after"]]).toEqual([429, "60"]);
    expect((await postLogin(tokenOf(page.link().url))).status).toBe(303);
    expect(events.map(({ kind }) => kind)).toEqual([
      ...Array.from({ length: 10 }, () => "page-login-refused"),
      "page-login",
    ]);
    expect(events.at(-1)).toEqual({ kind: "page-login", address: "127.0.0.1" });
  });

  it("shows nothing of a token that is none", async () => {
    const { status, body } = await ask(`/login?token=${encodeURIComponent('"><script>alert(1)</script>')}`);
    expect(status).toBe(400);
    expect(body).not.toContain("alert");
  });

  it("over https, as the browser says, sets a cookie for https alone", async () => {
    await page.follow(PROXIED);
    const proxied = { host: "kvsync.example", origin: "https://kvsync.example" };
    const { headers } = await postLogin(tokenOf(page.link().url), proxied);
    expect(headers["set-cookie"]![0]).toMatch(/; Secure$/);
  });

  it("ends with a logout, which another page cannot ask for", async () => {
    const cookie = await login();
    const isIn = async (): Promise<boolean> => (await api({ op: "sync" }, { cookie })).status === 200;
    const evil = { origin: "http://evil.example", cookie };
    expect((await ask("/logout", { method: "POST", headers: own(evil) })).status).toBe(403);
    expect((await ask("/logout", { headers: own({ cookie }) })).status).toBe(405);
    expect(await isIn()).toBe(true);
    const { status, headers } = await ask("/logout", { method: "POST", headers: own({ cookie }) });
    expect([status, headers["set-cookie"]![0]]).toEqual([303, expect.stringContaining("Max-Age=0")]);
    expect(await isIn()).toBe(false);
  });

  it("lasts while the address changes", async () => {
    const cookie = await login();
    const before = portOf();
    await page.follow(PROXIED);
    expect(portOf()).not.toBe(before);
    const moved = cookie.replace(String(before), String(portOf()));
    expect((await api({ op: "sync" }, { cookie: moved })).status).toBe(200);
  });
});

describe("a hostile or broken client", () => {
  beforeEach(() => page.follow(LOCAL));

  /** What is answered to `text`, until the connection ends. */
  const raw = (text: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect(portOf(), "127.0.0.1", () => socket.write(text));
      let got = "";
      socket.on("data", (chunk) => (got += chunk.toString()));
      socket.on("error", reject);
      socket.on("close", () => resolve(got));
    });

  it("that sends a body that is too long gets no further, whatever it says of its length", async () => {
    const long = JSON.stringify({ op: "status", x: "x".repeat(70_000) });
    expect((await api(long)).status).toBe(413);
    const head = `POST /api HTTP/1.1\r\nHost: ${ownHost()}\r\nOrigin: http://${ownHost()}\r\nContent-Type: application/json\r\n`;
    const chunked = `${head}Transfer-Encoding: chunked\r\n\r\n11170\r\n${"x".repeat(0x1_11_70)}\r\n`;
    expect(await raw(chunked)).toMatch(/^HTTP\/1\.1 413 /);
    expect(asked).toEqual([]);
  });

  it.each([["{"], ["[]"], ["null"], ['{"op":"nothing"}'], ['{"op":"__proto__"}'], ['{"op":["status"]}'], [""]])(
    "that asks for %s is told that this is no request",
    async (body) => {
      expect((await api(body)).status).toBe(400);
      expect(asked).toEqual([]);
    },
  );

  it("that asks for another host within the request's line gets nothing", async () => {
    const { status } = await ask("http://evil.example/", { headers: { host: ownHost() } });
    expect(status).toBe(404);
    expect(await raw("GET / HTTP/1.1\r\nConnection: close\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 /);
  });

  it("that goes away in the middle of its request is nobody's bug", async () => {
    const socket = connect(portOf(), "127.0.0.1");
    socket.write(
      `POST /api HTTP/1.1\r\nHost: ${ownHost()}\r\nOrigin: http://${ownHost()}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`,
    );
    socket.destroySoon();
    await new Promise((resolve) => socket.once("close", resolve));
    expect((await api({ op: "status" })).status).toBe(200);
    expect(bugs).toEqual([]);
  });

  it.each(["/../package.json", "/%2e%2e/package.json", "/page.js/", "/index.html", "//", "/constructor", "/__proto__"])(
    "that asks for %s finds no file",
    async (path) => {
      expect((await ask(path)).status).toBe(404);
    },
  );

  it("of another site opens no stream of events", async () => {
    const { status } = await ask("/events", { headers: { host: ownHost(), "sec-fetch-site": "cross-site" } });
    expect(status).toBe(403);
  });
});

describe("the stream of events", () => {
  const stream = (
    headers: OutgoingHttpHeaders,
  ): Promise<{ readonly text: () => string; readonly ended: Promise<void> }> =>
    new Promise((resolve, reject) => {
      const sent = request(
        { host: "127.0.0.1", port: portOf(), path: "/events", headers, agent: false },
        (response) => {
          let text = "";
          const ended = new Promise<void>((end) => response.once("close", end));
          response.on("error", () => undefined);
          response.on("data", (chunk: Buffer) => {
            text += chunk.toString();
            if (text.includes("event: status")) resolve({ text: () => text, ended });
          });
          if (response.statusCode !== 200) reject(new Error(String(response.statusCode)));
        },
      );
      sent.on("error", reject);
      sent.end();
    });

  it("tells who may change what, and ends when the session does", async () => {
    await page.follow(LOCAL);
    const cookie = await login();
    const [reads, changes] = [await stream(own()), await stream(own({ cookie }))];
    expect(reads.text()).toContain('data: {"mayChange":false}');
    expect(changes.text()).toContain('data: {"mayChange":true}');
    await ask("/logout", { method: "POST", headers: own({ cookie }) });
    await changes.ended;
  });

  it("beyond loopback is for who is logged in", async () => {
    await page.follow(EVERYWHERE);
    await expect(stream(own())).rejects.toThrow("401");
    expect((await stream(own({ cookie: await login() }))).text()).toContain('"mayChange":true');
  });

  it("does not keep the daemon from stopping, a hundred of them neither", async () => {
    await page.follow(LOCAL);
    const streams = await Promise.all(Array.from({ length: 100 }, () => stream(own())));
    await page.close();
    await Promise.all(streams.map(({ ended }) => ended));
  });
});

describe("where it is served", () => {
  it("is told by its links, also where that is everywhere", async () => {
    expect(() => page.link()).toThrow("serves no status page");
    await page.follow(EVERYWHERE);
    expect(page.link().url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/login\?token=[\w-]{43}$/);
    await page.follow(undefined);
    expect(page.url()).toBeUndefined();
  });

  it("stays as it was if the next address is in use, or is none of this machine", async () => {
    await page.follow(LOCAL);
    const url = page.url();
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as { port: number };
    await expect(page.follow({ ...LOCAL, listen: { host: "127.0.0.1", port } })).rejects.toMatchObject({
      code: "address-in-use",
    });
    await expect(page.follow({ ...LOCAL, listen: { host: "192.0.2.1", port: 9478 } })).rejects.toMatchObject({
      code: "config-invalid",
    });
    await expect(page.follow({ ...LOCAL, listen: { host: "2001:db8::1", port: 9478 } })).rejects.toThrow(
      "cannot listen on [2001:db8::1]:9478 for the status page",
    );
    other.close();
    expect(page.url()).toBe(url);
    expect((await ask("/")).status).toBe(200);
  });

  it("is where the last of several changes says, and nowhere once it is closed", async () => {
    const changes = [LOCAL, PROXIED, undefined, EVERYWHERE, LOCAL].map((config) => page.follow(config));
    await Promise.all(changes);
    expect((await ask("/")).status).toBe(200);
    const late = page.follow(PROXIED);
    await Promise.all([page.close(), late, page.follow(EVERYWHERE)]);
    expect(page.url()).toBeUndefined();
  });

  it("may stay while its names change", async () => {
    await page.follow(LOCAL);
    const listen = { host: "127.0.0.1", port: portOf() };
    await page.follow({ listen, hosts: [] });
    await page.follow({ listen, hosts: ["kvsync.example"] });
    expect(portOf()).toBe(listen.port);
    expect((await ask("/", { headers: { host: "kvsync.example" } })).status).toBe(200);
    expect((await api({ op: "status" })).status).toBe(401);
  });
});
