// All namespaces of an account at once: there are at most some thousand.

import type { KvApi, Namespace } from "./kv-api.ts";

/** A request for each thousand of them. */
export async function listAllNamespaces(
  api: Pick<KvApi, "listNamespaces">,
  signal: AbortSignal,
): Promise<readonly Namespace[]> {
  const namespaces: Namespace[] = [];
  for await (const page of api.listNamespaces({ signal })) namespaces.push(...page);
  return namespaces;
}
