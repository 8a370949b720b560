// What `kvsync doctor` finds out about an account: whether its API can be reached, whether the token may do what the
// mappings ask of it, and whether their namespaces are there.

import { kvsyncCommand } from "../../core/shell-word.ts";
import { count } from "../../core/counted.ts";
import { statSync } from "node:fs";
import type { AccountConfig, MappingConfig } from "../../config/config.ts";
import type { Clock, DurationMs, EpochMs } from "../../core/clock.ts";
import { AppError, visible } from "../../core/errors.ts";
import { renderSkew, SKEW_FAIL_MS, SKEW_HINT, skewOf } from "../../kv/clock-skew.ts";
import type { Namespace } from "../../kv/kv-api.ts";
import { listAllNamespaces } from "../../kv/list-all-namespaces.ts";
import { judgeNetworkError } from "../../kv/network-error.ts";
import { parseProxies, type Proxies, proxyRouteOf } from "../../kv/proxies.ts";
import { bodyOfText } from "../../kv/sized-body.ts";
import type { OpenAccount } from "../../accounts/accounts.ts";
import { type Check, fail, ok, warn } from "./check.ts";

const SKEW_WARN_MS = 5000;
const REACH_TIMEOUT_MS = 10_000;

export interface AccountCheckDeps {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly open: (name: string) => Promise<OpenAccount>;
}

/** One request to list the namespaces, and one for each namespace that is to be written. */
export async function checkAccount(
  deps: AccountCheckDeps,
  account: AccountConfig,
  mappings: readonly MappingConfig[],
): Promise<Check[]> {
  const subject = `account ${account.name}`;
  const secretFile = checkSecretFile(subject, account);
  try {
    const { api } = await deps.open(account.name);
    const namespaces = await listAllNamespaces(api, deps.signal);
    const where =
      account.endpoint.kind === "embedded"
        ? "the embedded server works"
        : `${new URL(account.endpoint.baseUrl).host} answers, and the token may read`;
    const checks = [
      ...secretFile,
      ok(subject, `${where} (${count(namespaces.length)} ${namespaces.length === 1 ? "namespace" : "namespaces"})`),
    ];
    for (const mapping of mappings) checks.push(await checkNamespace(deps, api, mapping, namespaces));
    return checks;
  } catch (error) {
    if (!(error instanceof AppError) || deps.signal.aborted) throw error;
    return [
      ...secretFile,
      fail(subject, error.message, error.hint ?? "check the account's endpoint, account_id and token"),
    ];
  }
}

async function checkNamespace(
  { signal }: AccountCheckDeps,
  api: OpenAccount["api"],
  mapping: MappingConfig,
  namespaces: readonly Namespace[],
): Promise<Check> {
  const subject = `mapping ${mapping.name}`;
  const shown = `${mapping.account}:${visible(mapping.namespace)}`;
  const namespace = namespaces.find(({ id, title }) => title === mapping.namespace || id === mapping.namespace);
  if (namespace === undefined) {
    return mapping.create && mapping.mode !== "pull"
      ? ok(subject, `namespace ${shown} does not exist yet, and will be created`)
      : fail(
          subject,
          `namespace ${shown} does not exist`,
          `${kvsyncCommand("namespace create", [`${mapping.account}:${mapping.namespace}`])}, or set namespace to one of: kvsync namespace list ${mapping.account}`,
        );
  }
  if (mapping.mode === "pull") return ok(subject, `namespace ${shown} is there`);
  try {
    // A bulk write of no pairs changes nothing, and is refused to a token that may only read.
    await api.bulkWrite(namespace.id, bodyOfText("[]"), { signal });
    return ok(subject, `namespace ${shown} is there, and the token may write`);
  } catch (error) {
    if (!(error instanceof AppError) || signal.aborted) throw error;
    if (error.code !== "unauthorized")
      return fail(subject, `namespace ${shown}: ${error.message}`, error.hint ?? "try again later");
    return fail(
      subject,
      `the token may read namespace ${shown}, but not write it`,
      "give the token the permission Workers KV Storage: Edit, or use mode: pull",
    );
  }
}

function checkSecretFile(subject: string, { credentials }: AccountConfig): Check[] {
  const source =
    credentials.kind === "token" ? credentials.token : credentials.kind === "key" ? credentials.key : undefined;
  if (source?.kind !== "file") return [];
  const mode = statSync(source.path, { throwIfNoEntry: false })?.mode ?? 0;
  const shown = visible(source.path);
  return (mode & 0o007) === 0
    ? []
    : [warn(subject, `all users of this machine can read ${shown}`, `chmod 600 ${shown}`)];
}

/** Whether the API answers at all, which needs no token, and this machine's clock against the Date of the answer.
 * One attempt: a person waits. */
export async function checkReach(
  clock: Clock,
  { name, endpoint }: AccountConfig,
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<Check | undefined> {
  if (endpoint.kind === "embedded") return undefined;
  const { host } = new URL(endpoint.baseUrl);
  const before = clock.now();
  try {
    const date = await dateOf(clock, endpoint.baseUrl, parseProxies(env), signal);
    return checkTime(name, skewOf(date, ((before + clock.now()) / 2) as EpochMs));
  } catch (error) {
    if (signal.aborted) throw error;
    const verdict = judgeNetworkError(error, "reach the API", host);
    const failure = "error" in verdict ? verdict.error : undefined;
    return fail(
      `account ${name}`,
      failure?.message ?? `could not reach ${host}`,
      failure?.hint ?? "check the network and the account's endpoint",
    );
  }
}

/** Undefined: there was no Date. */
function checkTime(account: string, skewMs: DurationMs | undefined): Check | undefined {
  if (skewMs === undefined) return undefined;
  const text = renderSkew(skewMs, account);
  if (Math.abs(skewMs) >= SKEW_FAIL_MS) return fail("clock", `${text}: expirations would be wrong`, SKEW_HINT);
  return Math.abs(skewMs) >= SKEW_WARN_MS
    ? warn("clock", text, SKEW_HINT)
    : ok("clock", `agrees with that of account ${account}`);
}

/** The Date header of an answer, whatever it says, on the way that all requests take. */
async function dateOf(
  clock: Clock,
  url: string,
  proxies: Proxies | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { openTransport } = await import("../../kv/transport.ts");
  const { origin, pathname } = new URL(url);
  const transport = openTransport({
    clock,
    origin,
    proxies,
    connectTimeoutMs: REACH_TIMEOUT_MS,
    headersTimeoutMs: REACH_TIMEOUT_MS,
    bodyTimeoutMs: REACH_TIMEOUT_MS,
    onBytesUp: () => undefined,
    onBytesDown: () => undefined,
  });
  try {
    const { headers, body } = await transport.send({ method: "HEAD", path: pathname, headers: {}, signal });
    body.drop();
    return typeof headers["date"] === "string" ? headers["date"] : undefined;
  } finally {
    await transport.close();
  }
}

/** Which proxy the environment sends an account's requests through; undefined if there is none to tell of. */
export function checkProxy(
  { name, endpoint }: AccountConfig,
  env: Readonly<Record<string, string | undefined>>,
): Check | undefined {
  if (endpoint.kind === "embedded") return undefined;
  const subject = `proxy of account ${name}`;
  try {
    const proxies = parseProxies(env);
    if (proxies === undefined) return undefined;
    const route = proxyRouteOf(endpoint.baseUrl, proxies);
    return ok(
      subject,
      route.kind === "proxy"
        ? `requests go through ${route.address} (${route.variable})`
        : `none: ${new URL(endpoint.baseUrl).host} is reached directly (NO_PROXY, or no proxy for its protocol)`,
    );
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return fail(subject, error.message, error.hint ?? "set it to another value, or unset it");
  }
}
