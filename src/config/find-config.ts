// Which config file is meant, and where state is kept if it does not say.

import { dirname, join, resolve } from "node:path";
import { AppError } from "../core/errors.ts";
import type { ReadFile } from "./secret.ts";
import type { Environment } from "./yaml-source.ts";

export interface FoundConfig {
  /** Absolute. */
  readonly file: string;
  readonly text: string;
}

export interface FindOptions {
  /** What `-c` says. */
  readonly path?: string | undefined;
  readonly cwd: string;
  readonly env: Environment;
  readonly readFile: ReadFile;
}

const SYSTEM_FILE = "/etc/kvsync/config.yaml";

/** The first that is given or exists of: `-c`, KVSYNC_CONFIG, ./kvsync.yaml, the user's and the system's. Undefined:
 * none. Throws "config-missing" if one that was named does not exist. */
export function findConfig(options: FindOptions): FoundConfig | undefined {
  const { path, cwd, env, readFile } = options;
  if (path !== undefined) return readNamed(path, "-c", options);
  if (env["KVSYNC_CONFIG"]) return readNamed(env["KVSYNC_CONFIG"], "KVSYNC_CONFIG", options);
  for (const file of [join(cwd, "kvsync.yaml"), userFile(env), SYSTEM_FILE]) {
    const text = file === undefined ? undefined : readFile(file);
    if (file !== undefined && text !== undefined) return { file, text };
  }
  return undefined;
}

/** What systemd gives a service; or beside the config file; or, for the user's and the system's config and for none,
 * where their kind of system keeps state. */
export function defaultStateDir(file: string | undefined, cwd: string, env: Environment): string {
  if (env["STATE_DIRECTORY"]) return env["STATE_DIRECTORY"].split(":")[0]!;
  if (file === SYSTEM_FILE) return "/var/lib/kvsync";
  if (file !== undefined && file !== userFile(env)) return join(dirname(file), ".kvsync");
  const base = absolute(env["XDG_STATE_HOME"]) ?? (env["HOME"] ? join(env["HOME"], ".local", "state") : undefined);
  return base === undefined ? join(cwd, ".kvsync") : join(base, "kvsync");
}

function readNamed(path: string, by: string, { cwd, readFile }: FindOptions): FoundConfig {
  const file = resolve(cwd, path);
  const text = readFile(file);
  if (text !== undefined) return { file, text };
  throw new AppError("config-missing", `the config file ${path}, given by ${by}, does not exist`, {
    hint: "check the path, or run kvsync init to write ./kvsync.yaml",
  });
}

function userFile(env: Environment): string | undefined {
  const base = absolute(env["XDG_CONFIG_HOME"]) ?? (env["HOME"] ? join(env["HOME"], ".config") : undefined);
  return base === undefined ? undefined : join(base, "kvsync", "config.yaml");
}

/** The XDG base directory specification: a path that is not absolute is to be ignored. */
function absolute(path: string | undefined): string | undefined {
  return path?.startsWith("/") ? path : undefined;
}
