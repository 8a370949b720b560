// Repositories of backups in a config file: where they are, what their store is opened with, and that their secrets do not show.

import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { configSecrets } from "../../../src/config/config-secrets.ts";
import { faults, load } from "./config-fixture.ts";

const repository = (text: string, env: Record<string, string> = {}) =>
  load(`repositories:\n  nightly: { ${text} }\n`, env).repositories.get("nightly");
const fault = (text: string, env: Record<string, string> = {}): string =>
  faults(`repositories:\n  nightly: { ${text} }\n`, env);

const R2 = "https://abc.r2.cloudflarestorage.com";
const bucket = {
  kind: "s3",
  bucket: "b",
  prefix: "",
  endpoint: R2,
  region: "auto",
  credentials: { kind: "environment" },
};

describe("a repository", () => {
  test.each<[string, string]>([
    ["backups", "/site/backups"],
    ["./backups", "/site/backups"],
    ["/srv/backups", "/srv/backups"],
    ["~/backups", "/home/ann/backups"],
  ])("in the folder %s", (store, path) => {
    expect(repository(`store: ${store}`)).toEqual({
      name: "nightly",
      store: { kind: "folder", path },
      passphrase: undefined,
    });
  });

  test.each<[string, object]>([
    [`store: s3://b, endpoint: "${R2}"`, bucket],
    [`store: s3://b/, endpoint: "${R2}/"`, bucket],
    [`store: s3://b/kv/prod/, endpoint: "${R2}"`, { ...bucket, prefix: "kv/prod" }],
    [
      `store: s3://b, endpoint: "${R2}/some/path", region: weur`,
      { ...bucket, endpoint: `${R2}/some/path`, region: "weur" },
    ],
    [
      "store: s3://b, region: eu-west-1",
      { ...bucket, endpoint: "https://s3.eu-west-1.amazonaws.com", region: "eu-west-1" },
    ],
    ["store: s3://b, endpoint: 'http://127.0.0.1:9000'", { ...bucket, endpoint: "http://127.0.0.1:9000" }],
    ["store: s3://b, endpoint: 'http://10.0.0.1', insecure: true", { ...bucket, endpoint: "http://10.0.0.1" }],
  ])("in object storage: %s", (text, store) => expect(repository(text)?.store).toEqual(store));

  test("takes from the environment what it does not say itself", () => {
    const env = {
      AWS_ENDPOINT_URL: "https://other",
      AWS_ENDPOINT_URL_S3: R2,
      AWS_DEFAULT_REGION: "x",
      AWS_REGION: "y",
    };
    expect(repository("store: s3://b", env)?.store).toEqual({ ...bucket, region: "y" });
    const own = `store: s3://b, endpoint: "https://mine", region: z`;
    expect(repository(own, env)?.store).toEqual({ ...bucket, endpoint: "https://mine", region: "z" });
    expect(repository("store: s3://b", { AWS_DEFAULT_REGION: "eu-west-1" })?.store).toMatchObject({
      endpoint: "https://s3.eu-west-1.amazonaws.com",
    });
  });

  test("has its secrets from files beside the config, from the environment, or in the file", () => {
    const found = repository(
      `store: s3://b, endpoint: "${R2}", access_key_id: id, secret_access_key_file: run/key, passphrase_file: run/phrase`,
    );
    expect(found).toMatchObject({
      store: { credentials: { kind: "given", secretAccessKey: { kind: "file", path: "/site/run/key" } } },
      passphrase: { kind: "file", path: "/site/run/phrase" },
    });
    const config = load(
      "repositories: { r: { store: s3://b, region: x, access_key_id: keyid-1, secret_access_key: ${S}, passphrase: ${P} } }",
      { S: "hunter2-secret", P: "hunter2-phrase" },
    );
    expect(inspect(config.repositories, { depth: 9, showHidden: true })).not.toMatch(/hunter2|keyid/);
    expect(configSecrets(config).map((secret) => secret.reveal())).toEqual([
      "hunter2-phrase",
      "keyid-1",
      "hunter2-secret",
    ]);
  });

  test.each<[string, RegExp]>([
    ["endpoint: x", /store is missing/],
    ["store: ''", /store must not be empty/],
    ["store: s3://", /"s3:\/\/" is no store: write a folder, or s3:\/\/BUCKET\/PREFIX/],
    ["store: s3:///x", /is no store/],
    ["store: s3://b/a//b", /is no store/],
    ["store: s3://b/../x", /is no store/],
    ["store: 's3://b/a?b'", /is no store/],
    ["store: sftp://host/x", /is no store/],
    ["store: s3://b", /has no endpoint: set AWS_ENDPOINT_URL_S3/],
    ["store: s3://b, endpoint: abc.example.com", /"abc.example.com" is no endpoint of object storage/],
    ["store: s3://b, endpoint: embedded", /is no endpoint of object storage/],
    ["store: s3://b, endpoint: 'http://10.0.0.1'", /readable over plain http: use https, or set insecure: true/],
    ["store: s3://b, region: 'eu west'", /"eu west" is no region/],
    ["store: s3://b, region: x, access_key_id: a", /has a access_key_id but no secret_access_key/],
    ["store: s3://b, region: x, secret_access_key_file: a", /has a secret_access_key but no access_key_id/],
    ["store: x, passphrase: a, passphrase_file: b", /stands beside passphrase: keep one/],
    ["store: x, region: auto", /region has no use: the store is a folder|has no use: the store is a folder/],
    ["store: x, pasphrase: a", /unknown key "pasphrase"; did you mean "passphrase"/],
  ])("%s is refused", (text, message) => expect(fault(text)).toMatch(message));

  test.each(["passphrase: hunter2, oops: 1", "pasphrase: hunter2", "secret_access_key: 'hunter2"])(
    "shows no secret in a message about its line: %s",
    (text) => expect(fault(`store: x, ${text}`)).not.toContain("hunter2"),
  );
});
