// A plan that was kept, held against what both sides show now: each of its actions is due, or done already, or the world has
// moved since and the whole plan no longer fits, or it is not sure yet whether it has moved. What differs besides is left to a later round.

import { compareVersions } from "../../core/compare.ts";
import type { Entry } from "../../core/entry.ts";
import { compareUtf8, type Key } from "../../core/key.ts";
import { isForeign } from "../../core/reconcile.ts";
import type { Triple } from "../merge.ts";
import { type Action, type Conflict, otherSide, type Target } from "./action.ts";

/** A write or removal as it was planned. Its versions have fingerprints, and no signatures: a file may have been checked out
 * anew meanwhile. */
export interface SavedAction {
  readonly kind: "write" | "remove";
  readonly to: Target;
  readonly key: Key;
  /** Of a write: what is carried over. */
  readonly from: Entry | undefined;
  /** What the target held; undefined: nothing. */
  readonly replaces: Entry | undefined;
  readonly save: boolean;
  readonly conflict: Conflict | undefined;
}

/** Saved actions in key order, each key once. */
export type SavedActions = AsyncIterable<readonly SavedAction[]>;

export type Followed =
  | { readonly kind: "due"; readonly action: Action }
  /** Both sides are as the plan wants them. */
  | { readonly kind: "done" }
  /** `message` is in lower case, without the key. */
  | { readonly kind: "outdated"; readonly message: string }
  /** It would be due if a side were what it is taken to be, and that side shows something else: it lags, or was changed. Only
   * the end of the settle window tells which. `message` as above. */
  | { readonly kind: "unsettled"; readonly message: string };

export function followAction(saved: SavedAction, triple: Triple): Followed {
  const names = [otherSide(saved.to), saved.to] as const;
  const [giver, taker] = [triple[names[0]], triple[names[1]]];
  const followed =
    saved.kind === "write"
      ? followWrite(saved, triple, { giver, taker, names })
      : followRemoval(saved, triple, { giver, taker, names });
  return (followed.kind === "due" && unsettled(saved, triple)) || followed;
}

function unsettled({ kind, to }: SavedAction, { lags }: Triple): Followed | undefined {
  for (const side of [otherSide(to), to]) {
    const lag = lags?.[side];
    // What is to be removed, and is shown to be gone, is removed once more: that takes no value.
    if (lag === undefined || lag === "listing" || (lag === "absent" && kind === "remove" && side === to)) continue;
    const what = lag === "absent" ? "is gone" : "is again what it was before";
    const message = `${what} at the ${side}, or the ${side} lags behind itself: only the end of the settle window tells`;
    return { kind: "unsettled", message };
  }
  return undefined;
}

interface Sides {
  readonly giver: Entry | undefined;
  readonly taker: Entry | undefined;
  readonly names: readonly [giver: Target, taker: Target];
}

function followWrite(saved: SavedAction, triple: Triple, { giver, taker, names }: Sides): Followed {
  if (giver === undefined) return outdated(names[0], "is gone");
  if (!isSame(giver, saved.from)) return outdated(names[0], "was changed");
  // A rule's time to live agrees with any expiration, and so with another time to live.
  if (giver.ttlSeconds !== saved.from?.ttlSeconds) return outdated(names[0], "was given another time to live");
  if (taker !== undefined && isSame(taker, giver)) return { kind: "done" };
  const taken = takerMoved(saved, taker);
  if (taken !== undefined) return outdated(names[1], taken);
  const { key, to, conflict } = saved;
  const save = isToSave(saved, taker, triple);
  const isKnown = triple.base !== undefined || triple.previous !== undefined;
  return {
    kind: "due",
    action: { kind: "write", to, key, from: giver, replaces: taker, save, ifDifferent: false, conflict, isKnown },
  };
}

function followRemoval(saved: SavedAction, triple: Triple, { giver, taker, names }: Sides): Followed {
  if (giver !== undefined) return outdated(names[0], "has come back");
  if (taker === undefined) return { kind: "done" };
  const taken = takerMoved(saved, taker);
  if (taken !== undefined) return outdated(names[1], taken);
  const { key, to } = saved;
  const save = isToSave(saved, taker, triple);
  return { kind: "due", action: { kind: "remove", to, key, replaces: taker, save } };
}

/** What was there when the plan was made may have gone meanwhile, and been put back by somebody else. */
function isToSave({ save }: SavedAction, taker: Entry | undefined, { base }: Triple): boolean {
  return save || (taker !== undefined && isForeign(taker, base));
}

function takerMoved({ replaces }: SavedAction, taker: Entry | undefined): string | undefined {
  if (replaces === undefined) return taker === undefined ? undefined : "has appeared";
  if (taker === undefined) return "is gone";
  return isSame(taker, replaces) ? undefined : "was changed";
}

function isSame(now: Entry, planned: Entry | undefined): boolean {
  return planned !== undefined && compareVersions(now, planned) === "same";
}

function outdated(side: Target, what: string): Followed {
  return { kind: "outdated", message: `${what} at the ${side} since the plan was made` };
}

/** Walks through saved actions beside a merge of listings. */
export interface Follower {
  /** The actions of keys up to `last`, that one among them; undefined: all that are left. */
  upTo(last: Key | undefined): Promise<Map<Key, SavedAction>>;
  close(): Promise<void>;
}

export function openFollower(actions: SavedActions): Follower {
  const pages = actions[Symbol.asyncIterator]();
  let page: readonly SavedAction[] = [];
  let at = 0;
  let isOver = false;
  return {
    async upTo(last) {
      const found = new Map<Key, SavedAction>();
      for (;;) {
        for (; at < page.length; at++) {
          const action = page[at]!;
          if (last !== undefined && compareUtf8(action.key, last) > 0) return found;
          found.set(action.key, action);
        }
        if (isOver) return found;
        const next = await pages.next();
        if (next.done === true) isOver = true;
        else [page, at] = [next.value, 0];
      }
    },
    async close() {
      await pages.return?.();
    },
  };
}
