// Config texts, loaded as if each were the file /site/kvsync.yaml.

import type { Config } from "../../../src/config/config.ts";
import { loadConfig } from "../../../src/config/load-config.ts";
import { AppError } from "../../../src/core/errors.ts";

const HOME = "/home/ann";
/** The one account of most texts. */
export const ACCOUNTS = "accounts: { a: { account_id: abc, api_token: t } }\n";

/** What the text says, complete. */
export function load(text: string, env: Record<string, string> = {}): Config {
  return loadConfig({
    cwd: "/site",
    env: { HOME, ...env },
    readFile: (path) => (path === "/site/kvsync.yaml" ? text : undefined),
  });
}

function failure(run: () => unknown): AppError {
  try {
    run();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error("did not fail");
}

/** The message that the text is refused with. */
export const faults = (text: string, env: Record<string, string> = {}): string =>
  failure(() => load(text, env)).message;
