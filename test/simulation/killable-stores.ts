// Where the repositories lie that a simulation kills processes over: two of them in folders, or in object storage that fails all along. Time
// passes there when the simulation says so: all that lies there grows older.

import { lstatSync, mkdirSync, readdirSync, type Stats, utimesSync, watch } from "node:fs";
import { join } from "node:path";
import { openFolderStore } from "../../src/backup/store/folder-store.ts";
import { openS3Store } from "../../src/backup/store/s3-store.ts";
import type { Store } from "../../src/backup/store/store.ts";
import { Secret } from "../../src/config/secret.ts";
import { isTempName } from "../../src/core/names/temp-name.ts";
import { systemClock } from "../../src/core/system-clock.ts";
import { type S3Fault, startS3Server } from "../support/s3-server.ts";

export interface KillableStores {
  /** As `store:` in the config says it. */
  place(name: string): string;
  /** That processes need. */
  readonly env: Readonly<Record<string, string>>;
  /** One of them, for a look. */
  open(name: string): Store;
  /** Lets everything there be older. `isAtRest`: no process is at work. */
  age(ms: number, options: { readonly isAtRest: boolean }): void;
  /** Whether it fails now and then. */
  setFaulty(isFaulty: boolean): void;
  /** Tells of each change that somebody makes. */
  onChange(listener: () => void): void;
  /** All objects of one of them, by folder, and the temporary files beside them. */
  measure(name: string): StoreSize;
  close(): Promise<void>;
}

interface StoreSize {
  readonly bytes: number;
  readonly objects: Readonly<Record<string, number>>;
  readonly temps: number;
}

export const REPOSITORIES = ["main", "copy", "fresh-main", "fresh-copy"] as const;
const NOTHING = (): void => undefined;

export function openKillableFolders(dir: string): KillableStores {
  let listener = NOTHING;
  const watchers = REPOSITORIES.map((name) => {
    mkdirSync(join(dir, name));
    return watch(join(dir, name), { recursive: true }, () => listener());
  });
  return {
    place: (name) => `./${name}`,
    env: {},
    open: (name) => openFolderStore({ clock: systemClock, path: join(dir, name) }),
    age(ms, { isAtRest }) {
      for (const name of REPOSITORIES) {
        for (const { path, isTemp, stats } of filesIn(join(dir, name))) {
          if (isTemp && !isAtRest) continue;
          const seconds = (stats.mtimeMs - ms) / 1000;
          try {
            utimesSync(path, seconds, seconds);
          } catch (error) {
            // A process has removed it meanwhile.
            if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
          }
        }
      }
    },
    setFaulty: NOTHING,
    onChange: (next) => (listener = next),
    measure(name) {
      const files = filesIn(join(dir, name));
      const objects = files.filter(({ isTemp }) => !isTemp);
      return {
        ...sizeOf(objects.map(({ shown, stats }) => ({ name: shown, size: stats.size }))),
        temps: files.length - objects.length,
      };
    },
    close: async () => watchers.forEach((watcher) => watcher.close()),
  };
}

interface FoundFile {
  readonly path: string;
  readonly shown: string;
  readonly isTemp: boolean;
  readonly stats: Stats;
}

function filesIn(folder: string): readonly FoundFile[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).flatMap((shown) => {
    const path = join(folder, shown);
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats?.isFile() !== true) return [];
    return [{ path, shown, isTemp: isTempName(shown.split("/").at(-1)!), stats }];
  });
}

function sizeOf(objects: readonly { readonly name: string; readonly size: number }[]): Omit<StoreSize, "temps"> {
  const counts: Record<string, number> = {};
  let bytes = 0;
  for (const { name, size } of objects) {
    const folder = name.includes("/") ? name.slice(0, name.indexOf("/")) : "config";
    counts[folder] = (counts[folder] ?? 0) + 1;
    bytes += size;
  }
  return { bytes, objects: counts };
}

const BUCKET = "backups";
/** Of all requests, about one in ten. */
const FAULTS: readonly (readonly [share: number, fault: S3Fault])[] = [
  [0.015, "500"],
  [0.005, "slow-down"],
  [0.01, "reset"],
  [0.02, "lost-answer"],
  [0.01, "cut-body"],
  [0.005, "corrupted"],
  [0.02, "no-conditions"],
  [0.02, "late"],
];
const LAG_MS_MAX = 1500;

export async function openKillableBucket(chance: () => number): Promise<KillableStores> {
  let listener = NOTHING;
  let isFaulty = false;
  const pick = (): S3Fault | undefined => {
    let left = chance();
    for (const [share, fault] of FAULTS) if ((left -= share) < 0) return fault;
    return undefined;
  };
  const server = await startS3Server({
    bucket: BUCKET,
    pageMax: 100,
    lag: () => (isFaulty ? chance() * LAG_MS_MAX : 0),
    fault(_, { method }) {
      if (method === "PUT" || method === "DELETE") setImmediate(listener);
      return isFaulty ? pick() : undefined;
    },
  });
  const { accessKeyId, secretAccessKey } = server.account;
  const keys = {
    accessKeyId: new Secret(accessKeyId),
    secretAccessKey: new Secret(secretAccessKey),
    sessionToken: undefined,
  };
  return {
    place: (name) => `s3://${BUCKET}/${name}`,
    env: server.env,
    open: (name) =>
      openS3Store({
        clock: systemClock,
        config: {
          kind: "s3",
          bucket: BUCKET,
          prefix: name,
          endpoint: server.url,
          region: "auto",
          credentials: { kind: "environment" },
        },
        keys,
        proxies: undefined,
        label: name,
      }),
    age: (ms) => server.age(ms),
    setFaulty: (next) => void (isFaulty = next),
    onChange: (next) => (listener = next),
    measure(name) {
      const own = [...server.objects()].filter(([key]) => key.startsWith(`${name}/`));
      const objects = own.map(([key, bytes]) => ({ name: key.slice(name.length + 1), size: bytes.byteLength }));
      return { ...sizeOf(objects), temps: 0 };
    },
    close: () => server.close(),
  };
}
