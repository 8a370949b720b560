// What is known of a target of notices from one process to the next: what it was told, the message that is on its way, and whether the last one arrived.

import type { EpochMs } from "../core/clock.ts";
import type { Journal } from "../journal/journal.ts";
import { type NoticeTargets, openNoticeTargets } from "../journal/notice-targets.ts";
import { operationErrorOf } from "../journal/operation-error.ts";
import type { Waiting } from "./after-try.ts";
import type { KeptNews } from "./news.ts";
import type { Undelivered } from "./notice-status.ts";

/** As the journal keeps it. */
interface Kept {
  readonly news: KeptNews;
  readonly waiting: Waiting | null;
  readonly undelivered: Undelivered | null;
  readonly sentAt: EpochMs | null;
}

/** What is known of the target `name`, and where it is kept. */
export function openNoticeMemory(
  journal: NoticeTargets,
  name: string,
): { readonly recall: () => Kept | undefined; readonly save: (kept: Kept) => void } {
  let saved = journal.get(name);
  return {
    recall: () => (saved === undefined ? undefined : (JSON.parse(saved) as Kept)),
    save: (kept) => {
      const state = JSON.stringify(kept);
      if (state === saved) return;
      try {
        journal.put(name, state);
        saved = state;
      } catch (error) {
        // A disk that is full, say: rounds will tell, and the next time may do better.
        if (operationErrorOf(error) === undefined) throw error;
      }
    },
  };
}

/** Why the last notice to `target` did not arrive; undefined: it did, or there was none. */
export function readUndelivered(journal: Journal, target: string): Undelivered | undefined {
  return openNoticeMemory(openNoticeTargets(journal), target).recall()?.undelivered ?? undefined;
}
