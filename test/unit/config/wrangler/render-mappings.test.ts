import { Ajv } from "ajv";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { renderJsonSchema } from "../../../../src/config/json-schema.ts";
import { parseWranglerConfig } from "../../../../src/config/wrangler/parse-wrangler-config.ts";
import { renderMappings } from "../../../../src/config/wrangler/render-mappings.ts";
import { load } from "../config-fixture.ts";

const [A, B, C] = ["a", "b", "c"].map((digit) => digit.repeat(32)) as [string, string, string];
const ENV = { CLOUDFLARE_ACCOUNT_ID: "from-env", CLOUDFLARE_API_TOKEN: "t" };

function rendered(config: object, environment?: string) {
  const made = renderMappings(parseWranglerConfig(JSON.stringify(config), "wrangler.json"), environment);
  return { ...made, config: load(made.text, ENV) };
}

const WORKER = {
  account_id: "acc",
  kv_namespaces: [
    { binding: "APP", id: A },
    { binding: "MADE" },
    { binding: "ALIAS", id: A },
    { binding: "NO", id: B },
  ],
  env: { staging: { account_id: "acc2", kv_namespaces: [{ binding: "APP", id: C }] }, empty: {} },
};

test("each namespace of the default environment is a mapping that pulls, and the rest is said", () => {
  const { text, names, config } = rendered(WORKER);
  expect(names).toEqual(["APP", "NO"]);
  expect([...config.mappings.values()]).toMatchObject([
    { name: "APP", namespace: A, mode: "pull", account: "cloudflare", folder: "/site/kv/APP" },
    { name: "NO", namespace: B, mode: "pull" },
  ]);
  expect(config.accounts.get("cloudflare")).toMatchObject({ accountId: "acc" });
  expect(text).toContain("# MADE has no id: wrangler makes its namespace when it deploys");
  expect(text).toContain("# ALIAS is the same namespace as APP");
  expect(text).toContain(
    "# Environment staging, account acc2 (kvsync init --from-wrangler --env staging writes it as the mappings):",
  );
  expect(text).not.toContain("Environment empty");
});

test("editors find its schema by the schema's own address, and accept it", () => {
  const { text } = rendered(WORKER);
  const schema = JSON.parse(renderJsonSchema()) as { $id: string };
  expect(text.split("\n", 1)).toEqual([`# yaml-language-server: $schema=${schema.$id}`]);
  const validate = new Ajv({ strict: false }).compile(schema);
  expect([validate(parse(text)), validate.errors]).toEqual([true, null]);
});

test("what stands in comments is a mapping once it is taken out of them", () => {
  const { text } = rendered(WORKER);
  const config = load(text.replace("# staging-APP", "staging-APP"), ENV);
  expect(config.mappings.get("staging-APP")).toMatchObject({ namespace: C, mode: "pull" });
});

test("of an environment that is named, its own account and bindings, and the others in comments", () => {
  const { text, names, config } = rendered(WORKER, "staging");
  expect(names).toEqual(["APP"]);
  expect(config.mappings.get("APP")).toMatchObject({ namespace: C });
  expect(config.accounts.get("cloudflare")).toMatchObject({ accountId: "acc2" });
  expect(text).toContain(`# default-APP: { account: cloudflare, namespace: ${A}, mode: pull }`);
});

test("without account_id the account comes from the environment", () => {
  const { config } = rendered({ kv_namespaces: [{ binding: "APP", id: A }] });
  expect(config.accounts.get("cloudflare")).toMatchObject({ accountId: "from-env" });
});

test.each([
  ["on", "on"],
  ["true", "true"],
  ["a: b", "a__b"],
  ["_private", "private"],
  ["$", "kv"],
  ["größe", "gr__e"],
  ['say "hi"', "say__hi_"],
  ["a\nb", "a_b"],
])("a binding %j is the mapping %s, in comments too", (binding, name) => {
  const id = "x: ${Y} #";
  const { text, config } = rendered({
    kv_namespaces: [{ binding, id }, { binding }, { binding: name, id: A }],
    env: { [`dev ${binding}`]: { kv_namespaces: [{ binding, id: B }] } },
  });
  const [first, ...others] = [...config.mappings.values()];
  expect(first).toMatchObject({ name, namespace: id });
  expect(others.map((mapping) => mapping.name)).toEqual(binding === name ? [] : [`${name}-2`]);
  const [, commented] = /# (\S+): \{ account/.exec(text)!;
  expect(load(text.replace(`# ${commented}: {`, `${commented}: {`), ENV).mappings.get(commented!)).toMatchObject({
    namespace: B,
  });
});

describe("nothing to map", () => {
  test.each([
    [{}, undefined, "wrangler.json has no binding under kv_namespaces with an id"],
    [{ kv_namespaces: [{ binding: "APP" }] }, undefined, "wrangler.json has no binding under kv_namespaces with an id"],
    [{ env: { x: {} } }, "x", "environment x of wrangler.json has no binding"],
    [{}, "x", 'wrangler.json has no environment "x"'],
  ])("%j, environment %s", (config, environment, message) => {
    expect(() => rendered(config, environment)).toThrow(message);
  });

  test("and where an environment has some, it is named", () => {
    expect(() => rendered({ env: WORKER.env })).toThrow(
      expect.objectContaining({ hint: "an environment has some: kvsync init --from-wrangler --env staging" }),
    );
  });
});
