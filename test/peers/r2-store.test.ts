// Our object storage client on a server that others wrote: the R2 of wrangler and miniflare, as it speaks S3 on this machine. It checks signatures and
// checksums, and knows conditions and ranges.

import { Miniflare } from "miniflare";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Secret } from "../../src/config/secret.ts";
import { openS3Store } from "../../src/backup/store/s3-store.ts";
import type { Store } from "../../src/backup/store/store.ts";
import { systemClock } from "../../src/core/system-clock.ts";
import { describeStore } from "../conformance/store-suite.ts";

const keys = { accessKeyId: "local-id", secretAccessKey: "local/secret+key" };
const BUCKET = "backups";
let miniflare: Miniflare;
let endpoint: string;

beforeAll(async () => {
  miniflare = new Miniflare({
    host: "127.0.0.1",
    port: 0,
    // Else it looks on the network for where it is.
    cf: false,
    workers: [
      {
        config: {
          name: "peer",
          compatibilityDate: "2026-10-01",
          env: { R2: { type: "r2", name: BUCKET, dev: { experimentalS3Credentials: keys } } },
          manifest: {
            mainModule: "worker.js",
            modules: { "worker.js": { type: "esm", contents: "export default { fetch: () => new Response() };" } },
          },
        },
      },
    ],
  });
  endpoint = `${(await miniflare.ready).origin}/cdn-cgi/local/r2/s3`;
});

afterAll(() => miniflare.dispose());

function open(prefix: string, wrong: Partial<typeof keys & { readonly bucket: string }> = {}): Store {
  const { accessKeyId, secretAccessKey, bucket = BUCKET } = { ...keys, ...wrong };
  return openS3Store({
    clock: systemClock,
    config: { kind: "s3", bucket, prefix, endpoint, region: "auto", credentials: { kind: "environment" } },
    keys: {
      accessKeyId: new Secret(accessKeyId),
      secretAccessKey: new Secret(secretAccessKey),
      sessionToken: undefined,
    },
    proxies: undefined,
    label: "r2",
  });
}

let opened = 0;

describeStore("wrangler's R2", { tellsExisting: true, tellsRaces: true, timeErrorMs: 1000, objects: 300 }, async () => {
  const store = open(`kv (a+b)/${opened++}`);
  return { store, close: () => store.close() };
});

test.each([
  [
    "a wrong secret key",
    { secretAccessKey: "wrong" },
    { code: "unauthorized", message: expect.stringMatching(/secret access key/) },
  ],
  ["a wrong key id", { accessKeyId: "wrong" }, { code: "unauthorized" }],
  ["no such bucket", { bucket: "other" }, { code: "store-failed", message: expect.stringMatching(/no bucket other/) }],
])("wrangler's R2 refuses, and we say why: %s", async (_, wrong, failure) => {
  const store = open("x", wrong);
  await expect(store.get("config.json")).rejects.toMatchObject(failure);
  await expect(store.putNew("config.json", Buffer.from("x"))).rejects.toMatchObject(failure);
  await store.close();
});
