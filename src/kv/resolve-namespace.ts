// A namespace by what people call it: its title, or its id.

import { AppError, visible } from "../core/errors.ts";
import type { CallOptions, KvApi, Namespace } from "./kv-api.ts";
import { parseNamespaceId } from "./namespace-id.ts";
import { nearTitles } from "./near-titles.ts";

export interface ResolveOptions extends CallOptions {
  /** Create a namespace with this title if there is none. */
  readonly create?: boolean | undefined;
}

/** The namespace with exactly this title, else with this id. One request for each 1,000 namespaces of the account.
 * @throws AppError `namespace-not-found`, with titles that are close */
export async function resolveNamespace(
  api: KvApi,
  titleOrId: string,
  { create = false, ...options }: ResolveOptions = {},
): Promise<Namespace> {
  const titles: string[] = [];
  let byId: Namespace | undefined;
  for await (const page of api.listNamespaces(options)) {
    for (const namespace of page) {
      if (namespace.title === titleOrId) return namespace;
      if (namespace.id === titleOrId) byId = namespace;
      titles.push(namespace.title);
    }
  }
  if (byId !== undefined) return byId;
  // An id that is not there is a mistake, and no title to create.
  const isId = parseNamespaceId(titleOrId) !== undefined;
  if (create && !isId) return createNamespace(api, titleOrId, options);
  throw notFound(titleOrId, isId, titles);
}

async function createNamespace(api: KvApi, title: string, options: CallOptions): Promise<Namespace> {
  try {
    return await api.createNamespace(title, options);
  } catch (error) {
    // Somebody was faster, or the listing was not up to date.
    if (!(error instanceof AppError && error.code === "namespace-exists")) throw error;
    return resolveNamespace(api, title, options);
  }
}

function notFound(titleOrId: string, isId: boolean, titles: readonly string[]): AppError {
  const near = nearTitles(titleOrId, titles).map((title) => `"${visible(title)}"`);
  const what = isId ? `no namespace has the id ${titleOrId}` : `there is no namespace "${visible(titleOrId)}"`;
  return new AppError("namespace-not-found", what, {
    hint:
      near.length > 0
        ? `did you mean ${near.join(" or ")}?`
        : `\`kvsync namespace list\` shows the ${titles.length} there are; create one with \`kvsync namespace create\``,
  });
}
