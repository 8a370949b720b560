// `wrangler:BINDING` and `wrangler:ENV:BINDING`: a namespace by the name that a Worker has for it. Resolved to its id and account before
// anything else is done, so that from there on it is a namespace like any other.

import { isLocal } from "../config/endpoint.ts";
import type { Config } from "../config/config.ts";
import type { ReadFile } from "../config/secret.ts";
import type { BoundNamespace } from "../config/wrangler/find-binding.ts";
import { AppError, visible } from "../core/errors.ts";
import { parseNamespaceId } from "../kv/namespace-id.ts";
import type { NamespaceLocation } from "./location.ts";

export interface WranglerDeps {
  readonly config: Pick<Config, "accounts">;
  readonly cwd: string;
  readonly readFile: ReadFile;
}

const SCHEME = "wrangler";

/** `location`, or what it stands for in wrangler's config. An account that is called "wrangler" is meant itself. Throws AppError
 * "location-invalid", "config-missing" and "config-invalid". */
export async function resolveWranglerLocation(
  { config, cwd, readFile }: WranglerDeps,
  location: NamespaceLocation,
): Promise<NamespaceLocation> {
  if (location.account !== SCHEME || config.accounts.has(SCHEME)) return location;
  const { findWranglerConfig } = await import("../config/wrangler/find-wrangler-config.ts");
  const { findBinding } = await import("../config/wrangler/find-binding.ts");
  const found = findWranglerConfig(cwd, readFile);
  const bound = findBinding(found, location.namespace);
  if (parseNamespaceId(bound.id) === undefined) {
    throw new AppError(
      "location-invalid",
      `the id of ${visible(location.namespace)} in ${found.file} is "${visible(bound.id)}", which is no namespace id`,
      { hint: "an id has 32 hexadecimal digits; kvsync namespace list shows them" },
    );
  }
  return { ...location, account: accountOf(config, bound, found.file), namespace: bound.id };
}

/** The name of the account that is meant; undefined: there is none. */
function accountOf(
  { accounts }: WranglerDeps["config"],
  { id, accountId }: BoundNamespace,
  file: string,
): string | undefined {
  if (accounts.size === 0) return undefined;
  const all = [...accounts.values()];
  // The ids of wrangler's config are Cloudflare's: a server on this machine is meant only if there is nothing else.
  const remote = all.filter(({ endpoint }) => !isLocal(endpoint));
  const usable = remote.length === 0 ? all : remote;
  const fitting = accountId === undefined ? usable : all.filter((account) => account.accountId === accountId);
  const [only, second] = fitting.map(({ name }) => name);
  if (only !== undefined && second === undefined) return only;
  const names = fitting.map(({ name }) => name).join(", ");
  if (only === undefined) {
    throw new AppError(
      "config-missing",
      `${file} is of the account ${visible(accountId!)}, and kvsync knows no account of that id`,
      {
        hint: `add it under accounts: in kvsync's config; the accounts there are: ${[...accounts.keys()].join(", ")}`,
      },
    );
  }
  throw new AppError(
    "usage",
    accountId === undefined
      ? `${file} has no account_id, and there are several accounts: ${names}`
      : `several accounts have the id ${visible(accountId)} that ${file} names: ${names}`,
    { hint: `say which: ${only}:${id}${accountId === undefined ? `; or write account_id in ${file}` : ""}` },
  );
}
