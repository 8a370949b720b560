// The namespaces that the destination has not yet, created as the source's are. That each is wanted is on disk before it is asked for,
// so a run that goes on after a crash knows the one that it finds for its own.

import type { KvApi, Namespace, NamespaceId } from "../kv/kv-api.ts";
import { AppError, visible } from "../core/errors.ts";
import type { MigrationStore } from "./migration-store.ts";

export interface CreateDeps {
  readonly api: Pick<KvApi, "createNamespace" | "listNamespaces">;
  readonly account: string;
  readonly store: MigrationStore;
  readonly signal: AbortSignal;
  readonly onCreated: (namespace: Namespace) => void;
}

/** One request for each, and one to see which are there. */
export async function createNamespaces(deps: CreateDeps): Promise<void> {
  const { api, account, store, signal, onCreated } = deps;
  const missing = store.current().namespaces.flatMap((one, index) => (one.destination.id === null ? [index] : []));
  if (missing.length === 0) return;
  const there: Namespace[] = [];
  for await (const page of api.listNamespaces({ signal })) there.push(...page);
  const idsBefore = new Set<NamespaceId>(there.map(({ id }) => id));
  for (const index of missing) {
    const { destination } = store.current().namespaces[index]!;
    const { title, jurisdiction, mode } = destination;
    const found = there.find((one) => one.title === title);
    const namespace = found ?? (await api.createNamespace(title, { jurisdiction, mode, idsBefore, signal }));
    store.setNamespace(index, { destination: { ...destination, id: namespace.id } });
    if (namespace.jurisdiction !== jurisdiction || namespace.mode !== mode)
      throw otherKind(account, namespace, jurisdiction);
    if (found === undefined) onCreated(namespace);
  }
}

function otherKind(account: string, { title, jurisdiction = "none" }: Namespace, wanted = "none"): AppError {
  const label = `${account}:${visible(title)}`;
  return new AppError(
    "failed",
    `${label} was created with the jurisdiction ${jurisdiction}, and not with ${wanted} as it was asked for`,
    {
      hint: `nothing was copied to it; to have it removed, type: kvsync namespace delete ${label}`,
    },
  );
}
