import { expect, test } from "vitest";
import { autoMappings } from "../../../src/config/auto-mappings.ts";
import { loadConfig } from "../../../src/config/load-config.ts";

function load(text: string) {
  return loadConfig({ path: "/s/k.yaml", cwd: "/s", env: {}, readFile: () => text });
}

test("every folder that nothing covers becomes a mapping; odd names are told", () => {
  const config = load(`
root: kv
state_dir: kv/state
accounts: { a: { endpoint: embedded } }
mappings: { pages: { mode: pull }, deep: { mode: push, folder: holder/inner }, renamed: { mode: push, folder: taken } }
auto: { mode: push, delete: all }
`);
  const { mappings, skipped } = autoMappings(config, [
    "pages",
    "flags",
    ".git",
    "state",
    "holder",
    "taken",
    "a b",
    "i18n",
  ]);
  expect(
    mappings.map(({ name, folder, namespace, mode, delete: deletes }) => [name, folder, namespace, mode, deletes]),
  ).toEqual([
    ["flags", "/s/kv/flags", "flags", "push", "all"],
    ["i18n", "/s/kv/i18n", "i18n", "push", "all"],
  ]);
  expect(skipped).toEqual(["a b"]);
});

test("without auto there are none", () => {
  expect(autoMappings(load("accounts: { a: { endpoint: embedded } }"), ["x"])).toEqual({ mappings: [], skipped: [] });
});
