// A tree seen through a mapping's rules. What the tree lists, and what is read from it, has the metadata and times to live
// that the rules add. What is written to it goes without them, so that no sidecar repeats a rule. In a pull, which cannot give
// the namespace what it lacks of them, they make no difference between the two.

import { applyRules, asPulled, type Rule, toPull, withoutRules } from "../core/rule.ts";
import type { Replica } from "./replica.ts";
import { type View, wrapReplica } from "./wrap.ts";

export function withRules(tree: Replica, rules: readonly Rule[]): Replica {
  if (rules.length === 0) return tree;
  const ruled: NonNullable<View["listed"]> = (entry) => applyRules(rules, entry);
  return wrapReplica(tree, { listed: ruled, read: ruled, written: (entry) => withoutRules(rules, entry) });
}

/** Both sides of a pull. */
export function withRulesOfPull(
  { tree, remote }: { readonly tree: Replica; readonly remote: Replica },
  rules: readonly Rule[],
): { readonly tree: Replica; readonly remote: Replica } {
  if (rules.length === 0) return { tree, remote };
  const local: NonNullable<View["listed"]> = (entry) => asPulled(rules, entry);
  const pulled: NonNullable<View["listed"]> = (entry) => toPull(rules, entry);
  return {
    tree: wrapReplica(tree, { listed: local, read: local, written: (entry) => withoutRules(rules, entry) }),
    remote: wrapReplica(remote, { listed: pulled, read: pulled }),
  };
}
