import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFolderStore } from "../../src/backup/store/folder-store.ts";
import { systemClock } from "../../src/core/system-clock.ts";
import { readS3Keys } from "../../src/backup/store/s3-keys.ts";
import { openS3Store } from "../../src/backup/store/s3-store.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { openMemoryStore } from "../support/memory-store.ts";
import { HurriedClock } from "../support/hurried-clock.ts";
import { S3_ACCOUNT, type S3Fault, type S3ServerOptions, startS3Server } from "../support/s3-server.ts";
import { describeStore } from "./store-suite.ts";

describeStore("memory", { tellsExisting: true, tellsRaces: true, timeErrorMs: 0, objects: 100 }, async () => {
  const store = openMemoryStore(new FakeClock());
  return { store, close: () => store.close() };
});

describeStore("a folder", { tellsExisting: true, tellsRaces: true, timeErrorMs: 0, objects: 60 }, async () => {
  const parent = mkdtempSync(join(tmpdir(), "kvsync-store-"));
  const store = openFolderStore({ clock: systemClock, path: join(parent, "deep/backups") });
  return {
    store,
    close: async () => {
      await store.close();
      rmSync(parent, { recursive: true });
    },
  };
});

/** Every third request meets it, and the fourth attempt of one goes through. */
const often = (fault: S3Fault): S3ServerOptions => ({ fault: (count) => (count % 3 === 0 ? fault : undefined) });

const CASES: Readonly<Record<string, S3ServerOptions>> = {
  "object storage": {},
  "object storage below a path, in a region": {
    basePath: "/cdn/s3",
    account: { ...S3_ACCOUNT, region: "eu-west-1", sessionToken: "session/token+=" },
  },
  "object storage that lists 7 objects a page": { pageMax: 7 },
  "object storage that knows no conditions": { conditions: "501" },
  "object storage that ignores conditions": { conditions: "ignored" },
  "object storage that tells no time": { tellsDate: false },
  "object storage that ignores ranges": { ranges: "ignored" },
  "object storage whose listings lag by a minute": { lagMs: 60_000 },
  "object storage that fails": often("500"),
  "object storage that asks for fewer requests": often("slow-down"),
  "object storage that resets connections": often("reset"),
  "object storage whose answers are lost": often("lost-answer"),
  "object storage whose bodies are cut": often("cut-body"),
  "object storage whose bodies stop": {
    fault: (count, { method }) => (method === "GET" && count % 5 === 0 ? "slow-body" : undefined),
  },
  "object storage that gets other bytes than were sent": often("corrupted"),
};

for (const [name, options] of Object.entries(CASES)) {
  const tellsExisting = options.conditions !== "ignored";
  const tellsRaces = options.fault === undefined && options.conditions === undefined;
  describeStore(name, { tellsExisting, tellsRaces, timeErrorMs: 1000, objects: 20 }, async () => {
    const server = await startS3Server(options);
    const { url: endpoint, account, bucket } = server;
    const store = openS3Store({
      clock: new HurriedClock({ now: Date.now() }),
      config: {
        kind: "s3",
        bucket,
        prefix: "kv/a+b (c)",
        endpoint,
        region: account.region,
        credentials: { kind: "environment" },
      },
      keys: readS3Keys({ kind: "environment" }, { label: "s3", env: server.env, readFile: () => undefined }),
      proxies: undefined,
      label: `s3://${bucket}`,
      timeouts: { bodyTimeoutMs: 200 },
    });
    // What is beside the repository is none of it.
    server.place("kv/a+b (c)", Buffer.from("x"));
    server.place("kv/a+b (c)/packs/", Buffer.from("x"));
    server.place("kv/a+b (c)/packs/& <notes>.txt", Buffer.from("x"));
    server.place("kv/a+b (c)2/packs/x", Buffer.from("x"));
    return {
      store,
      caughtUp: async () => server.advance(options.lagMs ?? 0),
      close: async () => {
        await store.close();
        await server.close();
      },
    };
  });
}
