// The namespaces that the destination has not yet, created as the source's are. That each was asked for is on disk before it is, so a run
// that goes on after a crash knows the one that it finds for its own: it is empty. Any other of that title is somebody else's.

import type { KvApi, Namespace, NamespaceId } from "../kv/kv-api.ts";
import { AppError, visible } from "../core/errors.ts";
import { listAllNamespaces } from "../kv/list-all-namespaces.ts";
import type { MigrationStore } from "./migration-store.ts";

export interface CreateDeps {
  readonly api: Pick<KvApi, "createNamespace" | "listNamespaces" | "listKeys">;
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
  const there = await listAllNamespaces(api, signal);
  const idsBefore = new Set<NamespaceId>(there.map(({ id }) => id));
  for (const index of missing) {
    const { destination, isAskedFor = false } = store.current().namespaces[index]!;
    const { title, jurisdiction, mode } = destination;
    const found = there.find((one) => one.title === title);
    if (found !== undefined && !(isAskedFor && (await isEmpty(api, found.id, signal))))
      throw madeMeanwhile(account, title);
    store.setNamespace(index, { isAskedFor: true });
    const create = async (): Promise<Namespace> => {
      try {
        return await api.createNamespace(title, { jurisdiction, mode, idsBefore, signal });
      } catch (error) {
        // The API has refused it: whatever has this title by the next run is not this migration's. An earlier run may have got more than it knows.
        const isRefused = error instanceof AppError && !error.retryable && !signal.aborted;
        if (isRefused && !isAskedFor) store.setNamespace(index, { isAskedFor: false });
        throw error;
      }
    };
    const namespace = found ?? (await create());
    if (namespace.jurisdiction !== jurisdiction || namespace.mode !== mode)
      throw otherKind(account, namespace, jurisdiction);
    store.setNamespace(index, { destination: { ...destination, id: namespace.id } });
    if (found === undefined) onCreated(namespace);
  }
}

async function isEmpty(api: CreateDeps["api"], id: NamespaceId, signal: AbortSignal): Promise<boolean> {
  const { keys, cursor } = await api.listKeys(id, {}, { signal });
  return keys.length === 0 && cursor === "";
}

function madeMeanwhile(account: string, title: string): AppError {
  const label = `${account}:${visible(title)}`;
  return new AppError("plan-outdated", `somebody else has created ${label} since the namespaces were listed`, {
    hint: "nothing was copied to it; to migrate into it, begin anew under another name: add --name NAME; what it holds is kept first",
  });
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
