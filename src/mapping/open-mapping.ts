// A mapping, opened: its folder and its namespace as a pair of replicas, seen through its filters and rules.

import { existsSync, mkdirSync } from "node:fs";
import type { AccountConfig, MappingConfig } from "../config/config.ts";
import type { Clock } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { compileFilter, compileMatcher, type KeyFilter } from "../core/filter.ts";
import { renderRemote } from "../core/prefix.ts";
import type { Rule } from "../core/rule.ts";
import type { KvApi, Namespace } from "../kv/kv-api.ts";
import { resolveNamespace } from "../kv/resolve-namespace.ts";
import { type IsManaged, withFilter } from "../replica/with-filter.ts";
import { openMemoryReplica } from "../replica/memory.ts";
import { openNamespaceReplica } from "../replica/namespace/namespace-replica.ts";
import type { Replica } from "../replica/replica.ts";
import { withRules, withRulesOfPull } from "../replica/with-rules.ts";
import type { LinkIndex } from "../replica/tree/links/link-index.ts";
import { openTreeReplica } from "../replica/tree/tree-replica.ts";
import type { Pair } from "./pair.ts";
import { namespacePlace, realFolder } from "./place.ts";

export interface MappingDeps {
  readonly clock: Clock;
  readonly stateDir: string;
  readonly mapping: MappingConfig;
  readonly account: AccountConfig;
  readonly api: KvApi;
  /** Filled by each look at the folder. */
  readonly linkIndex?: LinkIndex | undefined;
}

interface MappingOptions {
  readonly direction: "push" | "pull";
  /** The config says so: no push follows that would give the namespace what rules say. */
  readonly pullsOnly: boolean;
  /** Create nothing, neither namespace nor folder; what is missing is shown as empty. */
  readonly look: boolean;
  /** Breaks the opening off. */
  readonly signal: AbortSignal;
}

export interface OpenMapping {
  readonly name: string;
  /** Undefined: it does not exist, and this was opened only to look. */
  readonly namespace: Namespace | undefined;
  pair(direction: "push" | "pull"): Pair;
  close(): Promise<void>;
}

/** Finds the namespace, and opens both sides.
 * Throws AppError `namespace-not-found`, `root-missing` and whatever the API answers. */
export async function openMapping(deps: MappingDeps, options: MappingOptions): Promise<OpenMapping> {
  const { mapping } = deps;
  const namespace = await findNamespace(deps, options);
  const isFiltered =
    mapping.excludeDefaults || mapping.symlinks !== "skip" || mapping.include.length + mapping.exclude.length > 0;
  const filter = isFiltered ? compileFilter(mapping) : undefined;
  const { remote, local } = ruledSides(
    { remote: managed(remoteReplica(deps, namespace), filter), local: localReplica(deps, filter, options) },
    mapping.rules.map(compileRule),
    options,
  );
  const identity = JSON.stringify({
    ...namespacePlace(deps.account, namespace?.id, mapping.prefix),
    // A link that is swapped leads to the same folder all along, as far as what was agreed is concerned.
    folder: mapping.rootSwaps === "allow" ? mapping.folder : realFolder(mapping.folder),
    names: mapping.names,
  });
  return {
    name: mapping.name,
    namespace,
    pair: (direction) => ({
      name: mapping.name,
      identity,
      isManaged: filter,
      ...(direction === "push" ? { source: local, destination: remote } : { source: remote, destination: local }),
    }),
    async close() {
      await Promise.all([local.close(), remote.close()]);
    },
  };
}

/** Undefined: there is none, and this is only to look. */
export async function findNamespace(
  { mapping, api }: Pick<MappingDeps, "mapping" | "api">,
  { direction, look, signal }: Omit<MappingOptions, "pullsOnly">,
): Promise<Namespace | undefined> {
  const mayCreate = mapping.create && direction === "push";
  try {
    return await resolveNamespace(api, mapping.namespace, { create: mayCreate && !look, signal });
  } catch (error) {
    if (mayCreate && look && error instanceof AppError && error.code === "namespace-not-found") return undefined;
    throw error;
  }
}

function remoteReplica({ clock, mapping, account, api }: MappingDeps, namespace: Namespace | undefined): Replica {
  const label = renderRemote(account.name, mapping.namespace, mapping.prefix);
  if (namespace === undefined) return openMemoryReplica({ clock, label });
  return openNamespaceReplica({
    clock,
    api,
    namespaceId: namespace.id,
    label,
    prefix: mapping.prefix,
    stamp: mapping.stamp,
  });
}

function localReplica(
  { clock, stateDir, mapping, linkIndex }: MappingDeps,
  filter: KeyFilter | undefined,
  { direction, look }: MappingOptions,
): Replica {
  if (direction === "pull" && look && !existsSync(mapping.folder))
    return openMemoryReplica({ clock, label: mapping.folder });
  if (direction === "pull") mkdirSync(mapping.folder, { recursive: true });
  return openTreeReplica({
    clock,
    root: mapping.folder,
    label: mapping.folder,
    names: mapping.names,
    prefix: mapping.prefix,
    ...(filter !== undefined && { filter }),
    ignorePaths: [stateDir],
    quietMs: mapping.quietMs,
    symlinks: mapping.symlinks,
    failsOnSkippedLinks: direction === "push",
    linkIndex,
  });
}

interface Sides {
  readonly remote: Replica;
  readonly local: Replica;
}

function ruledSides({ remote, local }: Sides, rules: readonly Rule[], { pullsOnly }: MappingOptions): Sides {
  if (!pullsOnly) return { remote, local: withRules(local, rules) };
  const pulled = withRulesOfPull({ remote, tree: local }, rules);
  return { remote: pulled.remote, local: pulled.tree };
}

function compileRule({ match, ttlSeconds, metadata }: MappingConfig["rules"][number]): Rule {
  return { matches: compileMatcher(match), ttlSeconds, metadata };
}

function managed(replica: Replica, isManaged: IsManaged | undefined): Replica {
  return isManaged === undefined ? replica : withFilter(replica, isManaged);
}
