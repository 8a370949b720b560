import { expect, test } from "vitest";
import type { Config } from "../../../src/config/config.ts";
import { loadConfig } from "../../../src/config/load-config.ts";

const text = "accounts: { a: { endpoint: embedded } }\n";

function load(files: readonly string[], env: Record<string, string> = {}, path?: string): Config {
  return loadConfig({
    path,
    cwd: "/work",
    env: { HOME: "/home/ann", ...env },
    readFile: (file) => (files.includes(file) ? text : undefined),
  });
}

const user = "/home/ann/.config/kvsync/config.yaml";
const system = "/etc/kvsync/config.yaml";

test.each<[string, Config["file"], string, Config]>([
  [
    "-c",
    "/work/other.yaml",
    "/work/.kvsync",
    load(["/work/other.yaml", "/work/kvsync.yaml"], { KVSYNC_CONFIG: "/x.yaml" }, "other.yaml"),
  ],
  [
    "KVSYNC_CONFIG",
    "/x/y.yaml",
    "/x/.kvsync",
    load(["/x/y.yaml", "/work/kvsync.yaml"], { KVSYNC_CONFIG: "/x/y.yaml" }),
  ],
  ["the current folder", "/work/kvsync.yaml", "/work/.kvsync", load(["/work/kvsync.yaml", user, system])],
  ["the user's config", user, "/home/ann/.local/state/kvsync", load([user, system])],
  [
    "XDG_CONFIG_HOME",
    "/cfg/kvsync/config.yaml",
    "/st/kvsync",
    load(["/cfg/kvsync/config.yaml", user], { XDG_CONFIG_HOME: "/cfg", XDG_STATE_HOME: "/st" }),
  ],
  ["the system's config", system, "/var/lib/kvsync", load([system])],
  ["a service's", system, "/var/lib/private/kvsync", load([system], { STATE_DIRECTORY: "/var/lib/private/kvsync" })],
  ["no file at all", undefined, "/home/ann/.local/state/kvsync", load([])],
])("%s: the file is %s and the state folder %s", (_, file, stateDir, config) => {
  expect(config.file).toBe(file);
  expect(config.stateDir).toBe(stateDir);
});

test("a file that was named and does not exist is an error, not a fallback", () => {
  expect(() => load(["/work/kvsync.yaml"], {}, "nope.yaml")).toThrow(
    /the config file nope\.yaml, given by -c, does not exist/,
  );
  expect(() => load(["/work/kvsync.yaml"], { KVSYNC_CONFIG: "/nope.yaml" })).toThrow(/given by KVSYNC_CONFIG/);
});

test("without a file the environment makes an account", () => {
  const config = load([], {
    CLOUDFLARE_ACCOUNT_ID: "abc",
    CLOUDFLARE_API_TOKEN: "t",
    CLOUDFLARE_API_BASE_URL: "http://127.0.0.1:1/client/v4",
  });
  expect(config.accounts.get("cloudflare")).toMatchObject({
    accountId: "abc",
    endpoint: { kind: "remote", baseUrl: "http://127.0.0.1:1/client/v4" },
    credentials: { kind: "token" },
  });
});

test("a key and an e-mail address do as well as a token", () => {
  const config = load([], {
    CLOUDFLARE_ACCOUNT_ID: "abc",
    CLOUDFLARE_API_KEY: "k",
    CLOUDFLARE_EMAIL: "me@example.com",
  });
  expect(config.accounts.get("cloudflare")?.credentials).toMatchObject({ kind: "key", email: "me@example.com" });
});

test.each([
  {},
  { CLOUDFLARE_API_TOKEN: "t" },
  { CLOUDFLARE_ACCOUNT_ID: "abc" },
  { CLOUDFLARE_ACCOUNT_ID: "abc", CLOUDFLARE_API_KEY: "k" },
])("half an account in the environment is none: %j", (env) => expect(load([], env).accounts.size).toBe(0));

test("an environment that cannot be right is an error that names the variable", () => {
  const env = {
    CLOUDFLARE_ACCOUNT_ID: "abc",
    CLOUDFLARE_API_TOKEN: "t",
    CLOUDFLARE_API_BASE_URL: "http://kv.example.com/",
  };
  expect(() => load([], env)).toThrow(/^CLOUDFLARE_API_BASE_URL would send the token readable over plain http/);
});
