// A mapping kept open from one round to the next: over the same client, the same folder and the same namespace, for as
// long as these stay what they are.

import type { Config, MappingConfig, Mode } from "../config/config.ts";
import type { Clock, DurationMs, MonotonicMs } from "../core/clock.ts";
import type { MappingFacts } from "../journal/mapping-facts.ts";
import type { LinkIndex } from "../replica/tree/links/link-index.ts";
import type { RootIdentity } from "../replica/tree/tree-root.ts";
import { countReads } from "./read-count.ts";
import { sameRoot } from "./mapping-facts.ts";
import { findNamespace, openMapping, type OpenMapping } from "./open-mapping.ts";
import type { DaemonAccount } from "./round-port.ts";

export interface Opened {
  readonly account: DaemonAccount;
  readonly mapping: OpenMapping;
  /** The folder when it was opened; undefined: there was none. */
  readonly root: RootIdentity | undefined;
  /** Requests so far that looked at the namespace. */
  readonly readRequests: () => number;
}

export interface MappingOpener {
  /** What is open, if it still fits. Throws as {@link openMapping} does. */
  open(found: {
    readonly account: DaemonAccount;
    readonly root: RootIdentity | undefined;
    readonly before: MappingFacts | undefined;
    /** Create nothing. */
    readonly look: boolean;
    /** Whether the namespace is looked up by its name once more: it may have been given to another one meanwhile. */
    readonly lookUp: "now" | "if-long-ago" | "never";
    readonly signal: AbortSignal;
  }): Promise<Opened>;
  /** What is open now, if anything is. */
  opened(): Opened | undefined;
  close(): Promise<void>;
}

/** A listing of the namespaces costs a request, and there may be a thousand mappings. */
const LOOK_UP_MS: DurationMs = 3_600_000;

export function openMappingOpener(deps: {
  readonly clock: Clock;
  readonly stateDir: string;
  readonly mapping: MappingConfig;
  /** A mapping may be carried once in another mode than its own, which is the config's. */
  readonly config?: (() => Config) | undefined;
  readonly linkIndex: LinkIndex;
}): MappingOpener {
  const { clock, stateDir, mapping, config: present, linkIndex } = deps;
  const direction = mapping.mode === "pull" ? "pull" : "push";
  let opened: Opened | undefined;
  let lookedUpAt = 0 as MonotonicMs;

  async function close(): Promise<void> {
    const closing = opened;
    opened = undefined;
    await closing?.mapping.close();
  }

  return {
    async open({ account, root, before, look, lookUp, signal }) {
      // A namespace that was there before is never made anew: who deleted it may have meant it.
      const config = { ...mapping, create: mapping.create && before?.namespaceId === undefined };
      const began = clock.monotonic();
      if (opened !== undefined && opened.account === account && sameRoot(opened.root, root)) {
        if (lookUp === "never" || (lookUp === "if-long-ago" && began - lookedUpAt < LOOK_UP_MS)) return opened;
        const namespace = await findNamespace({ mapping: config, api: account.api }, { direction, look, signal });
        lookedUpAt = began;
        if (namespace?.id === opened.mapping.namespace?.id) return opened;
      }
      await close();
      const { api, counted } = countReads(account.api);
      const open = await openMapping(
        { clock, stateDir, mapping: config, account: account.config, api, linkIndex },
        { direction, pullsOnly: direction === "pull" && modeOf(mapping, present?.()) === "pull", look, signal },
      );
      lookedUpAt = began;
      return (opened = { account, mapping: open, root, readRequests: counted });
    },
    opened: () => opened,
    close,
  };
}

function modeOf({ name, mode }: MappingConfig, config: Config | undefined): Mode {
  return config?.mappings.get(name)?.mode ?? mode;
}
