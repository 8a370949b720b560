// The operations on namespaces themselves: list, create, get, rename, delete.

import { NAMESPACES_MAX, TITLE_CHARS_MAX } from "../../core/limits.ts";
import { success } from "../answer.ts";
import type { NamespaceKind, StoredNamespace } from "../store/store.ts";
import {
  type Caller,
  malformedArgument,
  malformedBody,
  namespaceNotFound,
  titleMissing,
  titleTaken,
  titleTooLong,
  tooManyNamespaces,
} from "../refusal.ts";
import {
  findNamespace,
  type OperationHandler,
  type OperationRequest,
  parseJsonBody,
  writableStore,
} from "./operation.ts";

const PER_PAGE_MAX = 1000;
const PER_PAGE_DEFAULT = 20;

export const listNamespaces: OperationHandler = async ({ store }, { route, query }) => {
  const { namespaces } = store;
  const page = parseCount(query, "page", 1, Number.MAX_SAFE_INTEGER / PER_PAGE_MAX);
  const perPage = parseCount(query, "per_page", PER_PAGE_DEFAULT, PER_PAGE_MAX);
  const order = parseChoice(query, "order", ["id", "title"] as const);
  const direction = parseChoice(query, "direction", ["asc", "desc"] as const);
  const asked = { order, direction, offset: (page - 1) * perPage, count: perPage };
  const found = await namespaces.list(route.account, asked);
  const total = await namespaces.count(route.account);
  const info = {
    page,
    per_page: perPage,
    count: found.length,
    total_count: total,
    total_pages: Math.ceil(total / perPage),
  };
  return success(`[${found.map(render).join(",")}]`, JSON.stringify(info));
};

export const createNamespace: OperationHandler = async (deps, request) => {
  const store = writableStore(deps);
  const { account } = request.route;
  const title = parseTitle(request, "create namespace");
  const kind = parseKind(request);
  const created = await store.transaction(async ({ namespaces }) => {
    if ((await namespaces.count(account)) >= NAMESPACES_MAX) throw tooManyNamespaces();
    return namespaces.create(account, title, kind);
  });
  if (created === undefined) throw titleTaken();
  return success(render(created));
};

export const getNamespace: OperationHandler = async (deps, { route }) =>
  success(render(await findNamespace(deps, route, "get namespace")));

export const renameNamespace: OperationHandler = async (deps, request) => {
  const { namespaces } = writableStore(deps);
  const namespace = await findNamespace(deps, request.route, "rename namespace");
  const title = parseTitle(request, "rename namespace");
  const outcome = await namespaces.rename(request.route.account, namespace.id, title);
  if (outcome === "taken") throw titleTaken();
  if (outcome === "gone") throw namespaceNotFound("rename namespace");
  return success(render({ ...namespace, title }));
};

export const deleteNamespace: OperationHandler = async (deps, { route }) => {
  const { namespaces } = writableStore(deps);
  const { id } = await findNamespace(deps, route, "remove namespace");
  if (!(await namespaces.remove(id))) throw namespaceNotFound("remove namespace");
  return success("null");
};

function render({ id, title, jurisdiction, mode }: StoredNamespace): string {
  return JSON.stringify({ id, title, supports_url_encoding: true, jurisdiction, mode });
}

function parseTitle({ body }: OperationRequest, caller: Caller): string {
  const given = parseJsonBody(body, caller, "namespace");
  const title = typeof given === "object" && given !== null && "title" in given ? given.title : undefined;
  if (typeof title !== "string" || title === "") throw titleMissing(caller);
  if (title.length > TITLE_CHARS_MAX && Array.from(title).length > TITLE_CHARS_MAX) throw titleTooLong(caller);
  return title.toWellFormed(); // what UTF-8 and so a database would make of it
}

const JURISDICTIONS = ["eu", "fedramp", "us"];

function parseKind({ body }: OperationRequest): NamespaceKind {
  const given = parseJsonBody(body, "create namespace", "namespace") as Partial<Record<keyof NamespaceKind, unknown>>;
  const { jurisdiction, mode } = given;
  if (jurisdiction !== undefined && !JURISDICTIONS.some((known) => known === jurisdiction))
    throw malformedBody("create namespace", "jurisdiction must be one of eu, fedramp, us");
  if (mode !== undefined && mode !== "instant") throw malformedBody("create namespace", "mode must be instant");
  return { jurisdiction: jurisdiction as string | undefined, mode };
}

function parseCount(query: URLSearchParams, name: "page" | "per_page", otherwise: number, max: number): number {
  const text = query.get(name) ?? "";
  if (text === "") return otherwise;
  const count = /^\d{1,16}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > max) throw malformedArgument(name);
  return count;
}

/** The first choice is the default. */
function parseChoice<T extends string>(
  query: URLSearchParams,
  name: "order" | "direction",
  choices: readonly [T, ...T[]],
): T {
  const text = query.get(name) ?? "";
  if (text === "") return choices[0];
  const choice = choices.find((known) => known === text);
  if (choice === undefined) throw malformedArgument(name);
  return choice;
}
