import { describe, expect, it } from "vitest";
import { findRepository } from "../../../src/backup/store/open-store.ts";
import { load } from "../config/config-fixture.ts";

const config = load("repositories: { nightly: { store: /srv/kv, passphrase_file: phrase } }");
const find = (text: string, env: Record<string, string> = {}) =>
  findRepository(text, { config: async () => config, cwd: "/here", env: { HOME: "/home/ann", ...env } });

describe("a repository is found", () => {
  it.each([
    ["./backups", "/here/backups"],
    ["../backups/kv", "/backups/kv"],
    ["/srv/backups", "/srv/backups"],
    ["~/backups", "/home/ann/backups"],
    [".", "/here"],
  ])("by the path %s", async (text, path) => {
    const store = { kind: "folder", path };
    expect(await find(text)).toEqual({ name: undefined, label: text, store, passphrase: undefined });
  });

  it("by its name in the config", async () => {
    expect(await find("nightly")).toMatchObject({
      name: "nightly",
      label: "nightly",
      store: { kind: "folder", path: "/srv/kv" },
      passphrase: { kind: "file", path: "/site/phrase" },
    });
  });

  it("by the address of object storage, with the environment", async () => {
    const env = { AWS_ENDPOINT_URL_S3: "https://abc.r2.cloudflarestorage.com" };
    expect(await find("s3://b/kv", env)).toMatchObject({
      label: "s3://b/kv",
      store: { kind: "s3", bucket: "b", prefix: "kv", endpoint: env.AWS_ENDPOINT_URL_S3, region: "auto" },
    });
  });

  it("and not without reading a config where the text tells it all", async () => {
    const broken = (): never => {
      throw new Error("the config was read");
    };
    await findRepository("./x", { config: broken, cwd: "/here", env: {} });
  });

  it.each([
    ["nightli", /no repository "nightli"/, /did you mean nightly/],
    ["elsewhere", /no repository "elsewhere"/, /write \.\/elsewhere for a folder/],
    ["", /no repository ""/, /write \.\/FOLDER/],
    ["s3://b/kv", /s3:\/\/b\/kv has no endpoint: set AWS_ENDPOINT_URL_S3/, /^$/],
    ["s3://", /^"s3:\/\/" is no store/, /^$/],
    ["sftp://b", /^"sftp:\/\/b" is no store/, /^$/],
  ])("or the text %j is refused", async (text, message, hint) => {
    const error: unknown = await find(text).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "location-invalid", message: expect.stringMatching(message) });
    expect((error as { hint?: string }).hint ?? "").toMatch(hint);
  });
});
