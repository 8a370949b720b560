// How many rounds of one account run at once. Few: they share its budget. Those of another account do not wait for them, since an
// account that does not answer, or whose budget is spent, takes up its rounds for many minutes. A round over some keys has a gate
// of its own, so that an edit in one mapping does not wait for a look at a million keys of another.

import pLimit from "p-limit";

export interface RoundGate {
  run<T>(kind: "full" | "dirty", work: () => Promise<T>): Promise<T>;
}

const FULL_AT_ONCE = 2;
const DIRTY_AT_ONCE = 4;

export interface RoundGates {
  of(account: string): RoundGate;
}

export function openRoundGates(): RoundGates {
  const gates = new Map<string, RoundGate>();
  return {
    of(account) {
      const gate = gates.get(account) ?? openRoundGate();
      gates.set(account, gate);
      return gate;
    },
  };
}

export function openRoundGate(): RoundGate {
  const gates = { full: pLimit(FULL_AT_ONCE), dirty: pLimit(DIRTY_AT_ONCE) };
  return { run: (kind, work) => gates[kind](work) };
}
