// Which method on which route is which operation: the 13 of the reference, the deprecated bulk delete, and what
// clients ask for around them. HEAD is answered as GET without its body.

import type { CountedOperation } from "../operation-name.ts";
import { methodNotAllowed, noRoute } from "../refusal.ts";
import type { RouteKind } from "../route.ts";
import { listAccounts, listMemberships, verifyToken } from "./account.ts";
import { bulkDelete } from "./bulk-delete.ts";
import { bulkGet } from "./bulk-get.ts";
import { bulkWrite } from "./bulk-write.ts";
import { followChanges } from "./follow-changes.ts";
import { listKeys } from "./list-keys.ts";
import { createNamespace, deleteNamespace, getNamespace, listNamespaces, renameNamespace } from "./namespaces.ts";
import type { ArrivingHandler, OperationHandler } from "./operation.ts";
import { deleteValue, readMetadata, readValue } from "./values.ts";
import { writeValue } from "./write-value.ts";

export type TableEntry = {
  readonly operation: CountedOperation;
} & ({ readonly handler: OperationHandler } | { readonly arriving: ArrivingHandler });

type Methods = Readonly<Partial<Record<string, TableEntry>>>;

const table: Readonly<Record<Exclude<RouteKind, "empty-name" | "unknown" | "test-faults">, Methods>> = {
  namespaces: {
    GET: { operation: "namespace", handler: listNamespaces },
    POST: { operation: "namespace", handler: createNamespace },
  },
  namespace: {
    GET: { operation: "namespace", handler: getNamespace },
    PUT: { operation: "namespace", handler: renameNamespace },
    DELETE: { operation: "namespace", handler: deleteNamespace },
  },
  keys: { GET: { operation: "list", handler: listKeys } },
  metadata: { GET: { operation: "metadata", handler: readMetadata } },
  value: {
    GET: { operation: "read", handler: readValue },
    PUT: { operation: "write", arriving: writeValue },
    DELETE: { operation: "delete", handler: deleteValue },
  },
  bulk: {
    PUT: { operation: "bulkWrite", handler: bulkWrite },
    DELETE: { operation: "bulkDelete", handler: bulkDelete },
  },
  "bulk-delete": { POST: { operation: "bulkDelete", handler: bulkDelete } },
  "bulk-get": { POST: { operation: "bulkGet", handler: bulkGet } },
  changes: { GET: { operation: "changes", handler: followChanges } },
  accounts: { GET: { operation: "other", handler: listAccounts } },
  memberships: { GET: { operation: "other", handler: listMemberships } },
  "verify-token": { GET: { operation: "other", handler: verifyToken } },
};

/** The operation that `method` is on a route of this kind, or a Refusal: 404 for a route that is none, 405 for a method
 * that a route has not, and for all but GET where an id or a key is empty. */
export function findOperation(kind: RouteKind, method: string): TableEntry {
  const asked = method === "HEAD" ? "GET" : method;
  if (kind === "unknown" || kind === "test-faults") throw noRoute();
  if (kind === "empty-name") throw asked === "GET" ? noRoute() : methodNotAllowed(method);
  const methods = table[kind];
  const found = Object.hasOwn(methods, asked) ? methods[asked] : undefined;
  if (found === undefined) throw methodNotAllowed(method);
  return found;
}
