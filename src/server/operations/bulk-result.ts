// What bulk writes and bulk deletes answer: how many keys succeeded, and which did not although the request did.

import { type Answer, success } from "../answer.ts";

/** `count` keys were asked for, the `unsuccessful` ones among them. */
export function bulkResult(count: number, unsuccessful: readonly string[]): Answer {
  const result = { successful_key_count: count - unsuccessful.length, unsuccessful_keys: unsuccessful };
  return success(JSON.stringify(result));
}
