// An account as it is written, or as the environment gives it, into an account as it is used.

import { resolve } from "node:path";
import { BUDGET_REQUESTS, BUDGET_WINDOW_MS } from "../core/limits.ts";
import { hideSecret, looksLikeToken } from "../core/redact.ts";
import { POLL_SHARE_DEFAULT } from "../core/poll-interval.ts";
import type { AccountConfig, BudgetConfig, CredentialSource, Endpoint } from "./config.ts";
import type { FaultPath } from "./config-fault.ts";
import { DEFAULT_ENDPOINT, isLocal, isOpenToEavesdroppers, parseEndpoint } from "./endpoint.ts";
import type { RawAccount } from "./schema.ts";
import { Secret, type SecretSource } from "./secret.ts";

/** Told about what is wrong, and where; `what` is pointed at. */
export type Report = (path: FaultPath, message: string, what?: "key" | "value") => void;

/** The API allows this to one user across all tokens and the dashboard, so a fifth is left to others. */
const DEFAULT_BUDGET: BudgetConfig = {
  requests: BUDGET_REQUESTS,
  windowMs: BUDGET_WINDOW_MS,
  share: 0.8,
  pollShare: POLL_SHARE_DEFAULT,
};
/** A server in this process or on this machine asks for no restraint, unless it is set. */
const LOCAL_BUDGET: BudgetConfig = {
  requests: Number.POSITIVE_INFINITY,
  windowMs: BUDGET_WINDOW_MS,
  share: 1,
  pollShare: POLL_SHARE_DEFAULT,
};

/** Embedded accounts are told apart by their names, so that a copy from one to another can be tried out offline. */
function embeddedAccountId(name: string): string {
  return name.replaceAll(".", "_").slice(0, 64);
}

/** `raw` with its defaults, or undefined after `report` was told why not. */
export function resolveAccount(
  name: string,
  raw: RawAccount,
  folder: string,
  report: Report,
): AccountConfig | undefined {
  const path = ["accounts", name];
  const endpoint = parseEndpoint(raw.endpoint ?? DEFAULT_ENDPOINT);
  if (endpoint.kind === "fault") {
    report([...path, "endpoint"], endpoint.message);
    return undefined;
  }
  const embedded = endpoint.value.kind === "embedded";
  const fallback = isLocal(endpoint.value) ? LOCAL_BUDGET : DEFAULT_BUDGET;
  const budget: BudgetConfig = {
    requests: raw.budget?.requests ?? fallback.requests,
    windowMs: raw.budget?.per ?? fallback.windowMs,
    share: raw.budget?.share ?? fallback.share,
    pollShare: raw.budget?.polling ?? fallback.pollShare,
  };
  const common = { name, endpoint: endpoint.value, budget, concurrency: raw.concurrency };
  if (embedded) {
    refuseCredentials(path, raw, report);
    return { ...common, accountId: raw.account_id ?? embeddedAccountId(name), credentials: { kind: "none" } };
  }
  const accountId = accountIdOf(name, raw, report);
  const credentials = credentialsOf(name, raw, folder, report);
  refuseEavesdropping(path, raw, endpoint.value, report);
  return accountId === undefined || credentials === undefined ? undefined : { ...common, accountId, credentials };
}

const credentialKeys = ["api_token", "api_token_file", "email", "api_key", "api_key_file"] as const;

function refuseCredentials(path: FaultPath, raw: RawAccount, report: Report): void {
  for (const key of credentialKeys) {
    if (raw[key] !== undefined) report([...path, key], "has no use: an embedded account needs no credentials", "key");
  }
}

function accountIdOf(name: string, raw: RawAccount, report: Report): string | undefined {
  const path = ["accounts", name];
  if (raw.account_id === undefined) {
    report(path, `account "${name}" has no account_id: add account_id: \${CLOUDFLARE_ACCOUNT_ID}`, "key");
    return undefined;
  }
  // Whoever swaps it with the token shall not see the token printed.
  if (looksLikeToken(raw.account_id)) hideSecret(raw.account_id);
  if (/^[A-Za-z0-9_-]{1,64}$/.test(raw.account_id)) return raw.account_id;
  report([...path, "account_id"], "is no account id: write the 32 hexadecimal digits that the dashboard shows");
  return undefined;
}

function credentialsOf(name: string, raw: RawAccount, folder: string, report: Report): CredentialSource | undefined {
  const path = ["accounts", name];
  const token = secretSource(raw.api_token, raw.api_token_file, folder);
  const key = secretSource(raw.api_key, raw.api_key_file, folder);
  if (raw.api_token !== undefined && raw.api_token_file !== undefined) {
    report([...path, "api_token_file"], "stands beside api_token: keep one of them", "key");
  }
  if (raw.api_key !== undefined && raw.api_key_file !== undefined) {
    report([...path, "api_key_file"], "stands beside api_key: keep one of them", "key");
  }
  if (token !== undefined && (key !== undefined || raw.email !== undefined)) {
    report(
      [...path, raw.email === undefined ? (raw.api_key === undefined ? "api_key_file" : "api_key") : "email"],
      "stands beside an API token: keep one of them",
      "key",
    );
    return undefined;
  }
  if (token !== undefined) return { kind: "token", token };
  if (key !== undefined && raw.email !== undefined) return { kind: "key", email: raw.email, key };
  if (key !== undefined)
    report(path, `account "${name}" has an api_key but no email: add the e-mail address it belongs to`, "key");
  else if (raw.email !== undefined)
    report(path, `account "${name}" has an email but no api_key: add it, or use api_token`, "key");
  else
    report(
      path,
      `account "${name}" has no credentials: add api_token: \${CLOUDFLARE_API_TOKEN}, or api_token_file`,
      "key",
    );
  return undefined;
}

function secretSource(value: string | undefined, file: string | undefined, folder: string): SecretSource | undefined {
  if (value !== undefined) return { kind: "value", secret: new Secret(value) };
  return file === undefined ? undefined : { kind: "file", path: resolve(folder, file) };
}

function refuseEavesdropping(path: FaultPath, raw: RawAccount, endpoint: Endpoint, report: Report): void {
  if (endpoint.kind === "embedded" || raw.insecure === true || !isOpenToEavesdroppers(endpoint.baseUrl)) return;
  report(
    [...path, "endpoint"],
    "would send the token readable over plain http: use https, or set insecure: true if the network is yours",
  );
}
