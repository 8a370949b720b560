import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Ajv } from "ajv";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { renderJsonSchema } from "../../../src/config/json-schema.ts";
import { loadConfig } from "../../../src/config/load-config.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const example = readFileSync(`${root}config.example.yaml`, "utf8");
const validate = new Ajv({ strict: false }).compile(JSON.parse(renderJsonSchema()) as object);

function load(text: string, env: Record<string, string> = {}) {
  return loadConfig({ path: "/p/kvsync.yaml", cwd: "/p", env, readFile: () => text });
}

test("config.schema.json is up to date: run npm run schema", () => {
  expect(readFileSync(`${root}config.schema.json`, "utf8")).toBe(renderJsonSchema());
});

test("config.example.yaml works as it is, and editors accept it", () => {
  const config = load(example);
  expect(config.stateDir).toBe("/p/.kvsync");
  expect(config.mappings.get("app-config")).toMatchObject({
    account: "local",
    mode: "push",
    create: true,
    folder: "/p/example/app-config",
  });
  expect([validate(parse(example)), validate.errors]).toEqual([true, null]);
});

test("config.example.yaml works with all that is commented out in it put in", () => {
  const text = example.replaceAll(/^( *)# (?!yaml-lang)(?= *(?:[a-z_-]+:(?! [a-z]+ [a-z])|- (?:\{|webhook:)))/gm, "$1");
  const env = { CLOUDFLARE_ACCOUNT_ID: "abc", CLOUDFLARE_API_TOKEN: "t", KVSYNC_WEBHOOK_SECRET: "s", CHAT_TOKEN: "c" };
  const config = load(text, env);
  expect([...config.accounts.keys()]).toEqual(["local", "prod", "dev"]);
  expect([...config.mappings.keys()]).toEqual(["app-config", "sessions"]);
  expect(config.mappings.get("sessions")?.rules).toHaveLength(2);
  expect(config.auto).toMatchObject({ mode: "push" });
  expect(config.repositories.get("nightly")?.store).toMatchObject({ kind: "s3", bucket: "my-backups", prefix: "kv" });
  expect(config.page).toEqual({ listen: { host: "127.0.0.1", port: 9478 }, hosts: ["kvsync.example.com"] });
  expect(config.backups.get("nightly")).toMatchObject({ schedule: { kind: "daily", atMinutes: 180 }, prune: true });
  expect(config.notify.map(({ name }) => name)).toEqual(["chat.example.com", "page-me"]);
  expect([
    validate(parse(text.replaceAll("${CLOUDFLARE_ACCOUNT_ID}", "abc").replaceAll("${CLOUDFLARE_API_TOKEN}", "t"))),
    validate.errors,
  ]).toEqual([true, null]);
});

test("what editors are told the defaults are is what they are", () => {
  const plain =
    "accounts: { local: { endpoint: embedded } }\nmappings: { app-config: { mode: push, create: true, folder: example/app-config } }";
  expect(load(example.replace(/ {4}exclude.*\n/, "")).mappings.get("app-config")).toEqual(
    load(plain).mappings.get("app-config"),
  );
});

test.each([
  ["an unknown key", { mapings: {} }],
  ["a number where a unit is needed", { mappings: { m: { poll_interval: 60 } } }],
  ["an unknown mode", { mappings: { m: { mode: "pusj" } } }],
])("editors refuse %s", (_, data) => expect(validate(data)).toBe(false));

test.each([
  ["a reference to the environment where a unit is needed", { mappings: { m: { poll_interval: "${POLL}" } } }],
  ["an account id of digits", { accounts: { a: { account_id: 123 } } }],
  ["a mapping of which nothing is said", { mappings: { m: null } }],
])("editors accept %s", (_, data) => expect(validate(data)).toBe(true));
