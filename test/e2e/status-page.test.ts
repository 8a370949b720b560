// The status page of a real daemon, asked as a browser does, and as what must not get through: another origin, another host, a link that was used, a form of
// another site. One daemon for all of it.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { records } from "../support/cli.ts";
import { DaemonFixture } from "../support/daemon-process.ts";
import { request } from "node:http";

const daemon = new DaemonFixture();
let origin = "";
let cookie = "";

beforeAll(async () => {
  configure("page: { listen: 127.0.0.1:0 }");
  daemon.writeMany(20);
  await daemon.start("--json");
  origin = String(records(daemon.out).find(({ type }) => type === "ready")?.["page"]);
  expect((await daemon.run("status", "--wait")).code).toBe(0);
});

afterAll(() => daemon.close());

function configure(...lines: readonly string[]): void {
  daemon.config("mappings: { app: { account: local, mode: push, create: true, stable_after: 0s } }", ...lines);
}

interface Got {
  readonly status: number;
  readonly cookie: string | undefined;
  readonly body: string;
}

/** As it stands, with any Host. */
function ask(path: string, method: string, headers: Readonly<Record<string, string>>, body = ""): Promise<Got> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(origin);
    const sent = request({ hostname, port, path, method, headers, agent: false }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => (text += chunk.toString()));
      response.on("end", () =>
        resolve({ status: response.statusCode!, cookie: response.headers["set-cookie"]?.[0], body: text }),
      );
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

const ofPage = (): Record<string, string> => ({ host: new URL(origin).host, origin, "sec-fetch-site": "same-origin" });

async function api(request: object, headers: Readonly<Record<string, string>> = {}): Promise<[number, unknown]> {
  const all = { ...ofPage(), "content-type": "application/json", ...headers };
  const { status, body } = await ask("/api", "POST", all, JSON.stringify(request));
  return [status, status === 200 ? (JSON.parse(body) as { readonly result: unknown }).result : undefined];
}

async function linkToken(): Promise<string> {
  const { stdout, code } = await daemon.run("page", "--json");
  expect(code).toBe(0);
  const [{ url, validForMs }] = records(stdout) as [{ url: string; validForMs: number }];
  expect(url.startsWith(`${origin}/login?token=`)).toBe(true);
  expect(validForMs).toBe(600_000);
  return new URL(url).searchParams.get("token")!;
}

function login(token: string, headers: Readonly<Record<string, string>> = {}): Promise<Got> {
  const form = { ...ofPage(), "content-type": "application/x-www-form-urlencoded", ...headers };
  return ask("/login", "POST", form, `token=${token}`);
}

describe("the status page", () => {
  it("logs in with a link that kvsync page prints, once, and not from elsewhere", async () => {
    const token = await linkToken();
    expect((await ask(`/login?token=${token}`, "GET", { host: new URL(origin).host })).status).toBe(200);
    expect((await login(token, { origin: "http://evil.example", "sec-fetch-site": "cross-site" })).status).toBe(403);
    expect((await login(token, { host: "evil.example", origin: "http://evil.example" })).status).toBe(403);
    const got = await login(token);
    expect(got.status).toBe(303);
    cookie = got.cookie!.split(";")[0]!;
    const replayed = await login(token);
    expect([replayed.status, replayed.cookie]).toEqual([403, undefined]);
    expect(await api({ op: "sync", mappings: ["app"] }, { cookie })).toMatchObject([
      200,
      [{ mapping: "app", error: null }],
    ]);
  });

  it("shows the plan of a hold, and lets nobody approve it but who has logged in, from the page", async () => {
    daemon.remove("kv/app");
    daemon.write("kv/app/new", "new");
    await api({ op: "sync", mappings: ["app"] }, { cookie });
    const [, plan] = (await api({ op: "plan", mapping: "app" })) as [number, { plan: string; actions: unknown[] }];
    expect(plan).toMatchObject({ mapping: "app", removes: 20, writes: 1, approved: false, more: { removes: 0 } });
    expect(plan.actions).toHaveLength(21);
    expect(plan.actions[0]).toEqual({ kind: "remove", side: "remote", key: "k0", bytes: 7 });

    const approve = { op: "approve", mapping: "app", plan: plan.plan };
    const evil = { origin: "http://evil.example", "sec-fetch-site": "cross-site" };
    const statuses = [
      (await api(approve))[0],
      (await api(approve, { cookie: `${cookie}x` }))[0],
      (await api(approve, { cookie, ...evil }))[0],
      (await api(approve, { cookie, host: "evil.example", origin: "http://evil.example" }))[0],
      // What a form of another site can send.
      (
        await ask(
          "/api",
          "POST",
          { ...ofPage(), ...evil, cookie, "content-type": "text/plain" },
          JSON.stringify(approve),
        )
      ).status,
      (await ask(`/api?op=approve&mapping=app&plan=${plan.plan}`, "GET", { ...ofPage(), cookie })).status,
    ];
    expect(statuses).toEqual([401, 401, 403, 403, 403, 405]);
    expect(await daemon.stateOf()).toBe("hold");
    expect(daemon.storedKeys()).toHaveLength(20);

    expect(await api(approve, { cookie })).toMatchObject([200, { plan: plan.plan }]);
    await daemon.until(() => daemon.storedKeys().length === 1);
  });

  it("follows a reload of the config, and is gone when it no longer asks for it", async () => {
    configure("page: { listen: 127.0.0.1:0, hosts: [kvsync.example] }");
    expect((await daemon.run("reload")).code).toBe(0);
    const url = (await daemon.run("page")).stdout.trim();
    const before = origin;
    origin = new URL(url).origin;
    expect(origin).not.toBe(before);
    // Through a proxy nothing is read without a login.
    expect((await api({ op: "status" }))[0]).toBe(401);
    expect((await ask("/", "GET", { host: "kvsync.example" })).status).not.toBe(403);

    const taken = await daemon.run("run", "--page", new URL(origin).port, "--config", other());
    expect([taken.code, taken.stderr]).toEqual([1, expect.stringContaining("for the status page, is in use")]);

    configure();
    expect((await daemon.run("reload")).code).toBe(0);
    const { code, stderr } = await daemon.run("page");
    expect(code).toBe(2);
    expect(stderr).toMatch(/serves no status page[\s\S]*kvsync run --page/);
    await expect(ask("/", "GET", {})).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it("refuses an address that is none, with its place in the config", async () => {
    daemon.write("wrong.yaml", "page: { listen: here, hosts: ['https://x'] }\naccounts: {}\n");
    const { code, stderr } = await daemon.run("run", "--config", "wrong.yaml");
    expect(code).toBe(7);
    expect(stderr).toMatch(/wrong\.yaml:1:\d+[\s\S]*"here" is no address[\s\S]*"https:\/\/x" is no host name/);
    expect((await daemon.run("run", "--page", "70000")).stderr).toContain('--page: "70000" is no address');
  });
});

/** Of a second daemon. */
function other(): string {
  daemon.write(
    "other.yaml",
    "state_dir: ./other\naccounts: { local: { endpoint: embedded } }\nmappings: { b: { account: local, folder: ./b, mode: push } }",
  );
  return "other.yaml";
}
