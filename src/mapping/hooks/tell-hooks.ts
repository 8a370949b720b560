// What a round came to, as the hooks of its mapping are told.

import type { Hold } from "../../journal/holds.ts";
import { decodeHoldReason, renderHoldReason } from "../hold-reason.ts";
import type { RoundReport } from "../round-port.ts";
import type { HeldPlan, Hooks } from "./hooks.ts";

export function tellChanges({ changes, moreChanges }: RoundReport, hooks: Hooks): void {
  if (changes.length === 0) return;
  hooks.changed(changes, moreChanges);
  const conflicts = changes.filter(({ event }) => event === "conflict").map(({ key }) => key);
  if (conflicts.length > 0) hooks.conflicted(conflicts);
}

export function heldPlan({ plan, reason, writes, removes }: Hold): HeldPlan {
  return { plan, reason: renderHoldReason(decodeHoldReason(reason)), writes, removes };
}
