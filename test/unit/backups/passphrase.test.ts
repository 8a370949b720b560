import { describe, expect, it } from "vitest";
import { type PassphraseDeps, readPassphrase } from "../../../src/backups/passphrase.ts";
import type { SecretSource } from "../../../src/config/secret.ts";
import { Secret } from "../../../src/config/secret.ts";

const files: Readonly<Record<string, string>> = {
  "/here/phrase": "from a file\n",
  "/here/windows": "from a file\r\n",
  "/here/spaces": "  two  spaces \n\n",
  "/here/empty": "\n",
  "/here/binary": "\uFFFDx",
  "/run/cred/kvsync-passphrase": "from systemd\n",
};

interface Asked {
  readonly env?: Record<string, string>;
  readonly typed?: readonly (string | undefined)[];
  readonly configured?: SecretSource;
  readonly isNew?: boolean;
}

async function read({ env = {}, typed, configured, isNew = false }: Asked): Promise<string | undefined> {
  const answers = [...(typed ?? [])];
  const deps: PassphraseDeps = {
    env,
    cwd: "/here",
    readFile: (path) => files[path],
    ask: typed && (async () => answers.shift()),
  };
  return (await readPassphrase({ label: "nightly", configured, isNew }, deps))?.reveal();
}

const fileOf = (path: string): SecretSource => ({ kind: "file", path });

describe("a passphrase", () => {
  it.each<[string, Asked, string | undefined]>([
    ["the config's file", { configured: fileOf("/here/phrase"), env: { KVSYNC_PASSPHRASE: "x" } }, "from a file"],
    ["the config", { configured: { kind: "value", secret: new Secret("own ") } }, "own "],
    ["a file that the environment names", { env: { KVSYNC_PASSPHRASE_FILE: "phrase" } }, "from a file"],
    [
      "the environment",
      { env: { KVSYNC_PASSPHRASE: " as it is\n", CREDENTIALS_DIRECTORY: "/run/cred" } },
      " as it is\n",
    ],
    ["systemd", { env: { CREDENTIALS_DIRECTORY: "/run/cred" }, typed: [] }, "from systemd"],
    ["the terminal", { env: { CREDENTIALS_DIRECTORY: "/run/none" }, typed: ["typed"] }, "typed"],
    ["the terminal, twice", { isNew: true, typed: ["typed", "typed"] }, "typed"],
    ["nobody", {}, undefined],
    ["nobody who was asked", { typed: [undefined] }, undefined],
  ])("comes from %s", async (_, asked, passphrase) => expect(await read(asked)).toBe(passphrase));

  it.each([
    ["/here/windows", "from a file"],
    ["/here/spaces", "  two  spaces \n"],
  ])("in %s is all but the last line end", async (path, passphrase) => {
    expect(await read({ configured: fileOf(path) })).toBe(passphrase);
  });

  it.each<[string, Asked, string]>([
    ["an empty file", { configured: fileOf("/here/empty") }, "/here/empty is empty"],
    ["an empty variable", { env: { KVSYNC_PASSPHRASE: "" } }, "KVSYNC_PASSPHRASE is empty"],
    ["an empty line", { typed: [""] }, "the passphrase is empty"],
    ["a file that is not there", { configured: fileOf("/here/none") }, "read from /here/none, which does not exist"],
    ["bytes that are no text", { configured: fileOf("/here/binary") }, "/here/binary is no text in UTF-8"],
    ["two variables", { env: { KVSYNC_PASSPHRASE: "a", KVSYNC_PASSPHRASE_FILE: "b" } }, "are both set"],
    ["two that differ", { isNew: true, typed: ["one", "two"] }, "the two passphrases differ"],
    ["a second that was not typed", { isNew: true, typed: ["one", undefined] }, "the two passphrases differ"],
  ])("is refused: %s", async (_, asked, message) => {
    await expect(read(asked)).rejects.toThrow(message);
  });
});
