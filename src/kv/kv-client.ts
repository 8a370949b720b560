// The Workers KV REST client: the 13 operations of the KvApi over the request loop. It builds requests and checks the
// form of answers; waiting, counting and trying again are the loop's.

import type { Clock, DurationMs } from "../core/clock.ts";
import { AppError, visible } from "../core/errors.ts";
import { isJsonObject } from "../core/json.ts";
import { LIST_PAGE_KEYS_MAX } from "../core/limits.ts";
import { systemClock } from "../core/system-clock.ts";
import { parseBulkResult, parseBulkValues, parseKeysPage, parseNamespace, parseNamespacesPage } from "./answers.ts";
import { type Budget, type BudgetOptions, type BudgetWait, openBudget } from "./budget.ts";
import { scanBulkValues } from "./bulk-get-answer.ts";
import { parseEnvelope } from "./envelope.ts";
import { type Credentials, parseEndpoint, secretsOf, headersFor } from "./endpoint.ts";
import type { CallOptions, KvApi, Namespace, NamespaceId, RequestCounts, SizedBody } from "./kv-api.ts";
import { KvError, mayBeCarriedOut } from "./kv-error.ts";
import { multipartBody } from "./multipart.ts";
import type { Proxies } from "./proxies.ts";
import { buildPaths } from "./paths.ts";
import { openRequestCounter } from "./request-counts.ts";
import { type AnswerEvent, type Call, type CallResult, openRequestLoop, type RetryEvent } from "./request-loop.ts";
import { RETRY_DEFAULT, type RetryOptions } from "./retry-course.ts";
import { bodyOfText } from "./sized-body.ts";
import { openTransport } from "./transport.ts";
import { openValueStream } from "./value-stream.ts";
import { openWaysRound } from "./ways-round.ts";

export interface KvClientOptions {
  readonly clock: Clock;
  /** `https://api.cloudflare.com/client/v4`, with or without a trailing slash. */
  readonly baseUrl: string;
  readonly accountId: string;
  readonly credentials: Credentials;
  /** For a budget of this client's own; ignored when `budgetState` is given. */
  readonly budget?: Pick<BudgetOptions, "requests" | "windowMs" | "share" | "recent"> | undefined;
  /** Shared by all clients of one account and token ({@link openBudget}). */
  readonly budgetState?: Budget | undefined;
  /** Requests at a time, for a budget of this client's own. */
  readonly concurrency?: number | undefined;
  /** None unless given, whatever the environment says. */
  readonly proxies?: Proxies | undefined;
  readonly connectTimeoutMs?: DurationMs | undefined;
  /** How long an answer may take once the request is sent. The gateway gives up after 100 seconds (524). */
  readonly headersTimeoutMs?: DurationMs | undefined;
  readonly bodyTimeoutMs?: DurationMs | undefined;
  /** By which slow answers are judged: real time unless given, as undici's own timeouts are, whatever `clock` is. */
  readonly networkClock?: Clock | undefined;
  readonly retry?: Partial<RetryOptions> | undefined;
  readonly onRetry?: ((event: RetryEvent) => void) | undefined;
  /** A request has to wait for the budget. */
  readonly onWait?: ((wait: BudgetWait) => void) | undefined;
  /** Told of each request that was sent, with its answer. */
  readonly onAnswer?: ((event: AnswerEvent) => void) | undefined;
  /** A request has waited for the budget, so long. */
  readonly onWaited?: ((waitedMs: DurationMs) => void) | undefined;
  /** Fail with `budget-exhausted` rather than wait for the budget. */
  readonly noWait?: boolean | undefined;
}

export interface KvClient extends KvApi {
  readonly budget: Budget;
}

const CONNECT_TIMEOUT_MS = 10_000;
const HEADERS_TIMEOUT_MS = 120_000;
const BODY_TIMEOUT_MS = 60_000;
const NAMESPACES_PER_PAGE = 1000;
/** An account has 1,000 namespaces, unless it asks for more: one page. */
const NAMESPACE_PAGES_MAX = 1000;
const FRESH_MS = 10_000;
const JSON_TYPE = "application/json";

/** @throws AppError `config-invalid` if the address, the account or the credentials cannot be used. */
export function openKvClient(options: KvClientOptions): KvClient {
  const { clock } = options;
  const endpoint = parseEndpoint(options.baseUrl, options.accountId);
  const secrets = secretsOf(options.credentials);
  const paths = buildPaths(endpoint.basePath, endpoint.accountId);
  const counter = openRequestCounter();
  const created = new Map<NamespaceId, number>();
  const budget = options.budgetState ?? openBudget({ ...options.budget, clock, concurrency: options.concurrency });
  const transport = openTransport({
    clock: options.networkClock ?? systemClock,
    origin: endpoint.origin,
    proxies: options.proxies,
    connectTimeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    headersTimeoutMs: options.headersTimeoutMs ?? HEADERS_TIMEOUT_MS,
    bodyTimeoutMs: options.bodyTimeoutMs ?? BODY_TIMEOUT_MS,
    onBytesUp: (bytes) => counter.sent(bytes),
    onBytesDown: (bytes) => counter.received(bytes),
  });
  const loop = openRequestLoop({
    clock,
    budget,
    transport,
    counter,
    host: endpoint.host,
    headers: headersFor(options.credentials),
    redact: (text) => secrets.reduce((clean, secret) => clean.replaceAll(secret, "[secret]"), text),
    retry: { ...RETRY_DEFAULT, ...options.retry },
    noWait: options.noWait ?? false,
    onRetry: options.onRetry,
    onWait: options.onWait,
    onAnswer: options.onAnswer,
    onWaited: options.onWaited,
    isFresh: (id) => clock.monotonic() - (created.get(id) ?? Number.NEGATIVE_INFINITY) < FRESH_MS,
  });

  /** The result of a call that cannot be about a missing key. */
  async function request(call: Call, callOptions: CallOptions = {}): Promise<Extract<CallResult, { kind: "success" }>> {
    const answer = await loop.run(call, "json", callOptions);
    if (answer.kind === "success") return answer;
    throw new KvError("key-not-found", `could not ${call.what}: the key does not exist`);
  }

  async function* listNamespaces(callOptions: CallOptions = {}): AsyncGenerator<readonly Namespace[], void> {
    let before = "";
    for (let page = 1; ; page++) {
      const query = { page, per_page: NAMESPACES_PER_PAGE, order: "title", direction: "asc" };
      const what = "list the namespaces of the account";
      const answer = await request(
        { operation: "namespace", what, method: "GET", path: paths.namespaces(query) },
        callOptions,
      );
      const { namespaces, isLast } = parseNamespacesPage(answer.result, answer.info, page, what);
      // A server that knows no pages gives the same one for ever.
      const ids = namespaces.map(({ id }) => id).join();
      if (ids === before) return;
      before = ids;
      if (namespaces.length > 0) yield namespaces;
      if (isLast) return;
      if (page >= NAMESPACE_PAGES_MAX)
        throw new KvError("api-malformed", `could not ${what}: after ${page} pages, more are said to follow`);
    }
  }

  async function findTitle(title: string, callOptions: CallOptions): Promise<Namespace | undefined> {
    for await (const page of listNamespaces(callOptions)) {
      const found = page.find((namespace) => namespace.title === title);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  const api: KvApi = {
    listNamespaces,

    createNamespace: async (title, createOptions = {}) => {
      const { idsBefore, ...callOptions } = createOptions;
      const what = `create namespace "${visible(title)}"`;
      const { mayBeDone, onRetry } = watchRetries();
      const call = { operation: "namespace", what, method: "POST", path: paths.namespaces(), onRetry } as const;
      let namespace: Namespace | undefined;
      try {
        const body = { body: titleBody(title), contentType: JSON_TYPE };
        namespace = parseNamespace((await request({ ...call, ...body }, callOptions)).result, what);
      } catch (error) {
        if (!(error instanceof AppError && error.code === "namespace-exists" && mayBeDone())) throw error;
        namespace = idsBefore === undefined ? undefined : await findTitle(title, callOptions);
        if (namespace === undefined || idsBefore?.has(namespace.id) === true) throw error;
      }
      created.set(namespace.id, clock.monotonic());
      return namespace;
    },

    getNamespace: async (id, callOptions) => {
      const what = `get namespace ${id}`;
      const path = paths.namespace(id);
      const call: Call = { operation: "namespace", what, method: "GET", path, namespaceId: id };
      return parseNamespace((await request(call, callOptions)).result, what);
    },

    renameNamespace: async (id, title, callOptions) => {
      const what = `rename namespace ${id} to "${visible(title)}"`;
      const path = paths.namespace(id);
      const body = { body: titleBody(title), contentType: JSON_TYPE };
      const call: Call = { operation: "namespace", what, method: "PUT", path, ...body, namespaceId: id };
      const { result } = await request(call, callOptions);
      // The API once answered null here (KV-API §5.4); the id is known, and the title is as asked.
      return isJsonObject(result) ? parseNamespace(result, what) : { id, title };
    },

    deleteNamespace: async (id, callOptions) => {
      const what = `delete namespace ${id}`;
      created.delete(id);
      const { mayBeDone, onRetry } = watchRetries();
      const path = paths.namespace(id);
      try {
        await request({ operation: "namespace", what, method: "DELETE", path, onRetry }, callOptions);
      } catch (error) {
        // An earlier attempt whose answer was lost has deleted it.
        if (!(mayBeDone() && error instanceof AppError && error.code === "namespace-not-found")) throw error;
      }
    },

    listKeys: async (id, query, callOptions) => {
      const what = `list the keys of namespace ${id}`;
      const limit = query.limit === undefined ? undefined : Math.min(query.limit, LIST_PAGE_KEYS_MAX);
      const path = paths.keys(id, { prefix: query.prefix, limit, cursor: query.cursor });
      const answer = await request({ operation: "list", what, method: "GET", path, namespaceId: id }, callOptions);
      return parseKeysPage(answer.result, answer.info, what);
    },

    readMetadata: async (id, key, callOptions = {}) => {
      const what = `read the metadata of key "${visible(key)}" in namespace ${id}`;
      const path = paths.metadata(id, key);
      const answer = await loop.run(
        { operation: "metadata", what, method: "GET", path, namespaceId: id },
        "json",
        callOptions,
      );
      return answer.kind === "success" ? (answer.result ?? null) : undefined;
    },

    readValue: async (id, key, callOptions = {}) => {
      const what = `read key "${visible(key)}" of namespace ${id}`;
      const call: Call = { operation: "read", what, method: "GET", path: paths.value(id, key), namespaceId: id };
      const read = (isRepeat: boolean): Promise<CallResult> => loop.run({ ...call, isRepeat }, "stream", callOptions);
      return openValueStream(read, {
        clock,
        retry: { ...RETRY_DEFAULT, ...options.retry },
        what,
        host: endpoint.host,
        signal: callOptions.signal,
      });
    },

    writeValue: async (id, key, value, attributes, callOptions) => {
      const what = `write key "${visible(key)}" to namespace ${id}`;
      const path = paths.value(id, key, attributes);
      const body =
        attributes.metadata === undefined
          ? { body: value, contentType: "application/octet-stream" }
          : multipartBody(value, attributes.metadata, clock);
      await request({ operation: "write", what, method: "PUT", path, ...body, namespaceId: id }, callOptions);
    },

    deleteValue: async (id, key, callOptions) => {
      const what = `delete key "${visible(key)}" of namespace ${id}`;
      const path = paths.value(id, key);
      await request({ operation: "delete", what, method: "DELETE", path, namespaceId: id }, callOptions);
    },

    bulkWrite: async (id, body, callOptions) => {
      const what = `write a batch to namespace ${id}`;
      const path = paths.bulk(id);
      const call: Call = {
        operation: "bulkWrite",
        what,
        method: "PUT",
        path,
        body,
        contentType: JSON_TYPE,
        namespaceId: id,
        retryTimeouts: false,
      };
      return parseBulkResult((await request(call, callOptions)).result, what);
    },

    bulkDelete: async (id, keys, callOptions = {}) => {
      const what = `delete a batch from namespace ${id}`;
      const isOld = callOptions.form === "delete";
      const call: Call = {
        operation: "bulkDelete",
        what,
        method: isOld ? "DELETE" : "POST",
        path: isOld ? paths.bulk(id) : paths.bulk(id, "delete"),
        body: bodyOfText(JSON.stringify(keys)),
        contentType: JSON_TYPE,
        namespaceId: id,
        retryTimeouts: false,
      };
      return parseBulkResult((await request(call, callOptions)).result, what);
    },

    bulkGet: async (id, keys, callOptions) => {
      const what = `read a batch from namespace ${id}`;
      const body = bodyOfText(JSON.stringify({ keys, type: "text", withMetadata: true }));
      const path = paths.bulk(id, "get");
      let values: ReturnType<typeof scanBulkValues>;
      const call: Call = {
        operation: "bulkGet",
        what,
        method: "POST",
        path,
        body,
        contentType: JSON_TYPE,
        namespaceId: id,
        retryTimeouts: false,
        parse: (bytes) => {
          values = scanBulkValues(bytes, keys);
          return values === undefined ? parseEnvelope(bytes) : { kind: "success", result: null, info: {} };
        },
      };
      const { result } = await request(call, callOptions);
      return values ?? parseBulkValues(result, keys, what);
    },

    counts: (): RequestCounts => counter.read(),

    close: async () => {
      loop.stop(new AppError("interrupted", "the client was closed"));
      await transport.close();
    },
  };
  return { ...api, ...openWaysRound(api), budget };
}

/** Whether an attempt of a call may have been carried out although it failed. */
function watchRetries(): { readonly mayBeDone: () => boolean; readonly onRetry: (failure: AppError) => void } {
  let isInDoubt = false;
  return {
    mayBeDone: () => isInDoubt,
    onRetry: (failure) => {
      if (mayBeCarriedOut(failure)) isInDoubt = true;
    },
  };
}

function titleBody(title: string): SizedBody {
  return bodyOfText(JSON.stringify({ title }));
}
