// Calls about namespaces as a whole.

import { AppError, visible } from "../../core/errors.ts";
import { isJsonObject } from "../../core/json.ts";
import type { Json } from "../../core/json-value.ts";
import type { CallOptions, KvApi, Namespace, NamespaceId, SizedBody } from "../kv-api.ts";
import { parseNamespace, parseNamespacesPage } from "../answers.ts";
import { KvError, mayBeCarriedOut } from "../kv-error.ts";
import type { Call } from "../request-loop.ts";
import { parseNamespaceId } from "../namespace-id.ts";
import { bodyOfText } from "../sized-body.ts";
import { type Caller, JSON_TYPE, request } from "./caller.ts";

const NAMESPACES_PER_PAGE = 1000;
/** An account has 1,000 namespaces, unless it asks for more: one page. */
const NAMESPACE_PAGES_MAX = 1000;
/** How long the API may not know a new namespace everywhere. */
const FRESH_MS = 10_000;

type NamespaceApi = Pick<
  KvApi,
  "listNamespaces" | "createNamespace" | "getNamespace" | "renameNamespace" | "deleteNamespace"
>;

/** `created`: when namespaces were created through this client. */
export function namespaceCalls(caller: Caller, created: Map<NamespaceId, number>): NamespaceApi {
  const { clock, paths } = caller;
  const list = (callOptions?: CallOptions): AsyncGenerator<readonly Namespace[], void> =>
    listNamespaces(caller, callOptions);
  return {
    listNamespaces: list,

    createNamespace: async (title, createOptions = {}) => {
      const { idsBefore, jurisdiction, mode, ...callOptions } = createOptions;
      const what = `create namespace "${visible(title)}"`;
      const { mayBeDone, onRetry } = watchRetries();
      const call = { operation: "namespace", what, method: "POST", path: paths.namespaces(), onRetry } as const;
      let namespace: Namespace | undefined;
      try {
        const body = { body: bodyOfText(JSON.stringify({ title, jurisdiction, mode })), contentType: JSON_TYPE };
        namespace = parseNamespace((await request(caller, { ...call, ...body }, callOptions)).result, what);
      } catch (error) {
        if (!(error instanceof AppError && error.code === "namespace-exists" && mayBeDone())) throw error;
        namespace = idsBefore === undefined ? undefined : await findTitle(caller, title, callOptions);
        if (namespace === undefined || idsBefore?.has(namespace.id) === true) throw error;
      }
      created.set(namespace.id, clock.monotonic());
      return namespace;
    },

    getNamespace: async (id, callOptions) => {
      const what = `get namespace ${id}`;
      const path = paths.namespace(id);
      const call: Call = { operation: "namespace", what, method: "GET", path, namespaceId: id };
      return parseNamespace((await request(caller, call, callOptions)).result, what);
    },

    renameNamespace: async (id, title, callOptions) => {
      const what = `rename namespace ${id} to "${visible(title)}"`;
      const path = paths.namespace(id);
      const body = { body: titleBody(title), contentType: JSON_TYPE };
      const call: Call = { operation: "namespace", what, method: "PUT", path, ...body, namespaceId: id };
      const { result } = await request(caller, call, callOptions);
      // The API once answered null here; the id is known, and the title is as asked.
      return isJsonObject(result) ? parseNamespace(result, what) : { id, title };
    },

    deleteNamespace: async (id, callOptions) => {
      const what = `delete namespace ${id}`;
      created.delete(id);
      const { mayBeDone, onRetry } = watchRetries();
      const path = paths.namespace(id);
      try {
        await request(caller, { operation: "namespace", what, method: "DELETE", path, onRetry }, callOptions);
      } catch (error) {
        // An earlier attempt whose answer was lost has deleted it.
        if (!(mayBeDone() && error instanceof AppError && error.code === "namespace-not-found")) throw error;
      }
    },
  };
}

/** Whether a namespace that was created then may still be unknown somewhere. */
export function isFreshNamespace(createdAt: number | undefined, now: number): boolean {
  return createdAt !== undefined && now - createdAt < FRESH_MS;
}

async function* listNamespaces(
  caller: Caller,
  callOptions: CallOptions = {},
): AsyncGenerator<readonly Namespace[], void> {
  let before = "";
  for (let page = 1; ; page++) {
    const query = { page, per_page: NAMESPACES_PER_PAGE, order: "title", direction: "asc" };
    const what = "list the namespaces of the account";
    const answer = await request(
      caller,
      { operation: "namespace", what, method: "GET", path: caller.paths.namespaces(query) },
      callOptions,
    );
    const { namespaces, isLast } = parseNamespacesPage(
      caller.paths.isLocalExplorer ? withIds(answer.result) : answer.result,
      answer.info,
      page,
      what,
    );
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

/** `wrangler dev` also lists bindings without an id, with their names for ids: these cannot be told from titles, and are left out. */
function withIds(result: Json | undefined): Json | undefined {
  if (!Array.isArray(result)) return result;
  return (result as readonly Json[]).filter(
    (item) => !isJsonObject(item) || typeof item["id"] !== "string" || parseNamespaceId(item["id"]) !== undefined,
  );
}

async function findTitle(caller: Caller, title: string, callOptions: CallOptions): Promise<Namespace | undefined> {
  for await (const page of listNamespaces(caller, callOptions)) {
    const found = page.find((namespace) => namespace.title === title);
    if (found !== undefined) return found;
  }
  return undefined;
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
