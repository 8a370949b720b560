// How many requests the values take that have to be read of a namespace: what is known before they are. Pure.

import type { Entry } from "../../core/entry.ts";
import { BULK_GET_KEYS_MAX } from "../../core/limits.ts";

export interface ReadEstimate {
  readonly values: number;
  /** Of these, the ones whose listing does not tell what they are: they count as text. */
  readonly unstamped: number;
  /** A bulk get for each 100 texts, and one for each binary value. */
  readonly requests: number;
}

export interface ReadEstimator {
  add(wanted: readonly Entry[]): void;
  estimate(): ReadEstimate;
}

export function openReadEstimator(): ReadEstimator {
  let [texts, binaries, unstamped] = [0, 0, 0];
  return {
    add(wanted) {
      for (const { binary, fingerprint } of wanted) {
        if (binary === true) binaries++;
        else texts++;
        if (fingerprint === undefined) unstamped++;
      }
    },
    estimate: () => ({
      values: texts + binaries,
      unstamped,
      requests: Math.ceil(texts / BULK_GET_KEYS_MAX) + binaries,
    }),
  };
}
