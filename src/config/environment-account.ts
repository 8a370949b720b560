// The account that the environment gives when no config file does: the variables are those of wrangler.

import { AppError } from "../core/errors.ts";
import type { AccountConfig } from "./config.ts";
import { resolveAccount } from "./resolve-account.ts";
import type { RawAccount } from "./schema.ts";
import type { Environment } from "./yaml-source.ts";

const ENVIRONMENT_ACCOUNT = "cloudflare";

const variables = {
  account_id: "CLOUDFLARE_ACCOUNT_ID",
  api_token: "CLOUDFLARE_API_TOKEN",
  api_key: "CLOUDFLARE_API_KEY",
  email: "CLOUDFLARE_EMAIL",
  endpoint: "CLOUDFLARE_API_BASE_URL",
} as const;

/** The account `cloudflare`, or undefined where CLOUDFLARE_ACCOUNT_ID, or any credentials, are not set. Throws
 * "config-invalid" if what is set cannot be right. */
export function environmentAccount(env: Environment): AccountConfig | undefined {
  const raw: RawAccount = {};
  for (const [key, variable] of Object.entries(variables)) {
    if (env[variable]) raw[key as keyof typeof variables] = env[variable];
  }
  // A token wins, as what is more narrow in what it may do.
  if (raw.api_token !== undefined) {
    delete raw.api_key;
    delete raw.email;
  }
  const hasCredentials = raw.api_token !== undefined || (raw.api_key !== undefined && raw.email !== undefined);
  if (raw.account_id === undefined || !hasCredentials) return undefined;
  return resolveAccount(ENVIRONMENT_ACCOUNT, raw, "/", (path, message) => {
    const variable = variables[path[2] as keyof typeof variables] ?? "the environment";
    throw new AppError("config-invalid", `${variable} ${message}`, {
      hint: `set ${variable} to another value, or write a config file: kvsync init`,
    });
  });
}
