// A tree seen through a mapping's rules. What the tree lists, and what is read from it, has the metadata and times to live
// that the rules add. What is written to it goes without them, so that no sidecar repeats a rule.

import { applyRules, type Rule, withoutRules } from "../core/rule.ts";
import type { Replica } from "./replica.ts";
import { type View, wrapReplica } from "./wrap.ts";

export function withRules(tree: Replica, rules: readonly Rule[]): Replica {
  if (rules.length === 0) return tree;
  const ruled: NonNullable<View["listed"]> = (entry) => applyRules(rules, entry);
  return wrapReplica(tree, { listed: ruled, read: ruled, written: (entry) => withoutRules(rules, entry) });
}
