// From a decision of the table to an action of the plan: which side it changes, and how it is counted.

import type { EpochSeconds } from "../../core/clock.ts";
import { type OneWayPolicy, reconcileOneWay } from "../../core/reconcile.ts";
import { reconcileTwoWay, type Side, type TwoWayPolicy } from "../../core/reconcile-two-way.ts";
import type { Triple } from "../merge.ts";
import type { Action, Conflict, Target } from "./action.ts";

/** How keys are decided: one way from source to destination, or both ways between the local side (source) and the
 * remote side (destination). */
export type Decide =
  | ({ readonly twoWay: false; readonly now: EpochSeconds } & Omit<OneWayPolicy, "now">)
  | ({ readonly twoWay: true } & TwoWayPolicy);

interface OriginPolicy extends Pick<OneWayPolicy, "keepForeign"> {
  readonly twoWay: boolean;
}

/** Whether what a side holds is judged by who wrote it there. Then it must be known what was sent to it by a process that died before
 * it noted that. */
export function asksWhoWrote({ twoWay, keepForeign }: OriginPolicy): boolean {
  return twoWay || keepForeign !== undefined;
}

export interface Verdict {
  readonly action: Action | undefined;
  /** What the key is counted as now; writes and removals are counted when they are done. */
  readonly count: "unchanged" | "skipped" | "conflicts" | "removesLater" | undefined;
  /** It was changed, and expires so soon that KV takes it no more: that is told. */
  readonly isTooLate?: boolean;
}

const nothing: Verdict = { action: undefined, count: undefined };
const unchanged: Verdict = { action: undefined, count: "unchanged" };
const skipped: Verdict = { action: undefined, count: "skipped" };
const tooLate: Verdict = { action: undefined, count: "skipped", isTooLate: true };
const waiting: Verdict = { action: undefined, count: "conflicts" };

export function decideTriple(triple: Triple, decide: Decide): Verdict {
  return decide.twoWay ? decideTwoWay(triple, decide) : decideOneWay(triple, decide);
}

function decideOneWay(triple: Triple, policy: OneWayPolicy): Verdict {
  const { source, destination, base } = triple;
  const decision = reconcileOneWay(source, destination, base, policy);
  switch (decision.kind) {
    case "nothing":
      return source === undefined ? nothing : unchanged;
    case "skip":
      return decision.reason === "too-late" ? tooLate : skipped;
    case "record":
      return record(triple);
    case "forget":
      return forget(triple);
    case "write":
      return write(triple, "destination", decision);
    case "remove":
      return remove(triple, "destination", decision.save);
  }
}

function decideTwoWay(triple: Triple, policy: TwoWayPolicy): Verdict {
  const decision = reconcileTwoWay(triple.source, triple.destination, triple.base, policy);
  switch (decision.kind) {
    case "nothing":
      return triple.source === undefined ? nothing : unchanged;
    case "skip":
      return decision.reason === "too-late" ? tooLate : skipped;
    case "wait":
      return waiting;
    case "record":
      return record(triple);
    case "forget":
      return forget(triple);
    case "write":
      return write(triple, targetOf(decision.to), { save: decision.save, ifDifferent: false });
    case "remove":
      // Whichever side it is, it holds the last copy [I6].
      return remove(triple, targetOf(decision.from), true);
    case "conflict": {
      const loser = decision.winner === "local" ? "destination" : "source";
      const verdict = write(triple, loser, {
        save: true,
        ifDifferent: false,
        conflict: decision.copy ? "copy" : "replace",
      });
      return { ...verdict, count: "conflicts" };
    }
  }
}

function targetOf(side: Side): Target {
  return side === "local" ? "source" : "destination";
}

function record({ key, source, destination }: Triple): Verdict {
  return { action: { kind: "record", key, source: source!, destination: destination! }, count: "unchanged" };
}

function forget({ key }: Triple): Verdict {
  return { action: { kind: "forget", key }, count: undefined };
}

function write(
  triple: Triple,
  to: Target,
  how: { readonly save: boolean; readonly ifDifferent: boolean; readonly conflict?: Conflict },
): Verdict {
  const from = to === "destination" ? triple.source! : triple.destination!;
  const { key, base, previous } = triple;
  const { save, ifDifferent, conflict } = how;
  const isKnown = base !== undefined || previous !== undefined;
  return {
    action: { kind: "write", to, key, from, replaces: triple[to], save, ifDifferent, conflict, isKnown },
    count: undefined,
  };
}

function remove(triple: Triple, to: Target, save: boolean): Verdict {
  return { action: { kind: "remove", to, key: triple.key, replaces: triple[to]!, save }, count: undefined };
}
