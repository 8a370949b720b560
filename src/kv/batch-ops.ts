// What is sent in batches, and how: the ports of the two halves that do it, batch-loop.ts and batch-sender.ts.

import { type BatchSize, FULL_BATCH } from "../core/batch-size.ts";
import type { ByteCount, Clock } from "../core/clock.ts";
import type { Key } from "../core/key.ts";
import type { Problem } from "../core/problem.ts";
import type { BulkResult } from "./kv-api.ts";

export interface BatchItem {
  readonly key: Key;
  /** What the item adds to a body. */
  readonly byteLength: ByteCount;
  /** It is sent by itself, and its bytes are lent: they are not encoded, and its input is used until it is settled. */
  readonly alone?: boolean;
  /** How often the API has reported it as unsuccessful. */
  attempts: number;
}

export interface BatchOps<Input, Item extends BatchItem> {
  readonly clock: Clock;
  /** A problem: the input cannot be sent at all, and what is wrong with it. */
  encode(input: Input): Item | Problem;
  keyOf(input: Input): Key;
  /** A reason not to send the item any more (it has expired meanwhile). */
  refuse?(item: Item): Problem | undefined;
  send(items: readonly Item[], signal: AbortSignal): Promise<BulkResult>;
  /** For an item that goes alone, or is too large for a batch of its own. */
  sendAlone(item: Item, signal: AbortSignal): Promise<void>;
  /** The item is settled, and will not be sent again. */
  release?(item: Item): void;
  /** The item will be sent again, but not soon, while others that were sent with it are settled. */
  keep?(item: Item): void;
  /** "written", "deleted": for messages. */
  readonly verb: string;
  /** Each item is sent once ({@link CallOptions.once}); one that is not confirmed then is a problem "unconfirmed". */
  readonly once: boolean;
  readonly pace: BatchPace;
}

/** What the batches of one side have shown of how large they may be. Shared by those who send to it one after another. */
export interface BatchPace {
  size: BatchSize;
}

export function openBatchPace(): BatchPace {
  return { size: FULL_BATCH };
}

export type Settled<Input, Item> =
  | { readonly kind: "done"; readonly item: Item }
  | { readonly kind: "problem"; readonly item: Item; readonly problem: Problem }
  /** It never became an item. */
  | { readonly kind: "refused"; readonly input: Input; readonly problem: Problem };
