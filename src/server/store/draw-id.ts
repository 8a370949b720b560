// The id of a new namespace.

import type { Clock } from "../../core/clock.ts";
import type { StoredNamespaceId } from "./store.ts";

/** 32 lower-case hexadecimal digits, as KV ids are. */
export function drawId(clock: Clock): StoredNamespaceId {
  let id = "";
  for (let i = 0; i < 4; i++)
    id += Math.floor(clock.random() * 2 ** 32)
      .toString(16)
      .padStart(8, "0");
  return id;
}
