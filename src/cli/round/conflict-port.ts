// What commands ask about conflicts, and decide: through the daemon, if one runs with the state folder; else of the journal, the folder
// and the namespace themselves, what changes something under the state lock.

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { MappingConfig } from "../../config/config.ts";
import { AppError } from "../../core/errors.ts";
import { type ControlClient, openControlClient } from "../../daemon/control/control-client.ts";
import type { ConflictList, ConflictView, ResolveChoice, Resolved } from "../../mapping/conflicts/conflict-lines.ts";
import { joinedLists, listConflicts } from "../../mapping/conflicts/list-conflicts.ts";
import { showConflict } from "../../mapping/conflicts/show-conflict.ts";
import { openMappingRounds } from "../../mapping/mapping-rounds.ts";
import type { AccountsPort, MappingRounds } from "../../mapping/round-port.ts";
import { type Journal, JOURNAL_FILE, openJournal, openScratchJournal } from "../../journal/journal.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode, worstExitCode } from "../exit-code.ts";
import { knownMappings } from "../../config/known-mappings.ts";
import { refusePaused } from "./leave-out-paused.ts";
import { runRoundHooks } from "./round-hooks.ts";
import { openState } from "./run-mappings.ts";

export interface ConflictPort {
  readonly isDaemon: boolean;
  list(mapping: string | undefined): Promise<ConflictList>;
  show(mapping: string, asked: Pick<ResolveChoice, "key" | "copy">): Promise<ConflictView>;
  resolve(mapping: string, choice: ResolveChoice): Promise<Resolved>;
  /** Looks at all of a mapping, so that conflicts are listed which were too many before. */
  lookAgain(mapping: string): Promise<void>;
  /** How the hooks of what was resolved ended. */
  hooks(): ExitCode;
  close(): Promise<void>;
}

export async function openConflictPort(context: Context, stateDir: string): Promise<ConflictPort> {
  let client: ControlClient;
  try {
    client = await openControlClient(stateDir, context);
  } catch (error) {
    if (error instanceof AppError && error.code === "not-running") return openWithoutDaemon(context, stateDir);
    throw error;
  }
  return {
    isDaemon: true,
    list: (mapping) => client.call({ op: "conflicts", mapping }),
    show: (mapping, { key, copy }) => client.call({ op: "conflict", mapping, key, copy }),
    resolve: (mapping, choice) => client.call({ op: "resolve", mapping, ...choice }),
    lookAgain: async (mapping) => void (await client.call({ op: "sync", mappings: [mapping] })),
    hooks: () => EXIT.done,
    close: async () => client.close(),
  };
}

interface Opened {
  readonly mapping: MappingConfig;
  readonly rounds: MappingRounds;
}

function openWithoutDaemon(context: Context, stateDir: string): ConflictPort {
  const { clock, signal } = context;
  const codes: ExitCode[] = [];
  let state: Awaited<ReturnType<typeof openState>> | undefined;
  /** Kept open from one key to the next: to find the namespace takes a request. */
  const opened = new Map<string, Opened>();
  const find = async (name: string): Promise<MappingConfig> => {
    const found = knownMappings(await context.config()).find((mapping) => mapping.name === name);
    return found ?? (await context.mappings([name]))[0]!;
  };
  const looking = async <T>(work: (journal: Journal) => Promise<T>): Promise<T> => {
    const isThere = existsSync(join(stateDir, JOURNAL_FILE));
    const journal = isThere ? openJournal({ stateDir, clock, mayReplace: false }) : openScratchJournal();
    try {
      return await work(journal);
    } finally {
      journal.close();
    }
  };
  const accountsOf = async ({ account: name }: MappingConfig): Promise<AccountsPort> => {
    const account = await context.account(name);
    return { open: async () => account, renew: async () => {} };
  };
  const roundsOf = async (name: string): Promise<Opened> => {
    const known = opened.get(name);
    if (known !== undefined) return known;
    const mapping = await find(name);
    const config = await context.config();
    state ??= await openState(context, stateDir, false);
    refusePaused(state.deps.journal, [name]);
    const accounts = await accountsOf(mapping);
    const rounds = openMappingRounds({ ...state.deps, mapping, accounts, config: () => config, spool: 1 });
    opened.set(name, { mapping, rounds });
    return { mapping, rounds };
  };
  return {
    isDaemon: false,
    list: (name) =>
      looking(async (journal) => {
        const chosen = name === undefined ? knownMappings(await context.config()) : [await find(name)];
        const lists: ConflictList[] = [];
        for (const mapping of chosen) lists.push(await listConflicts({ journal, stateDir, mapping }, signal));
        return joinedLists(lists);
      }),
    show: (name, asked) =>
      looking(async (journal) => {
        const mapping = await find(name);
        const accounts = await accountsOf(mapping);
        return showConflict({ clock, journal, stateDir, mapping, accounts }, asked, signal);
      }),
    resolve: async (name, choice) => {
      const { rounds, mapping } = await roundsOf(name);
      const { resolved, report } = await rounds.resolve(choice, { signal });
      const config = await context.config();
      if (report !== undefined) codes.push(await runRoundHooks(context, { mapping, config }, report, undefined));
      return resolved;
    },
    lookAgain: async (name) => void (await (await roundsOf(name)).rounds.full({ signal })),
    hooks: () => worstExitCode(codes),
    close: async () => {
      for (const { rounds } of opened.values()) await rounds.close();
      state?.close();
    },
  };
}
