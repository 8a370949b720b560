// Keys that are not settled yet: a side shows an older version of them, or none, within the settle window. It may lag behind
// itself, or somebody may have changed them: nothing is concluded from it, and that is said.

import { count } from "../../core/counted.ts";
import { visible } from "../../core/errors.ts";
import type { Key } from "../../core/key.ts";
import type { Lag, Lags } from "../../engine/merge.ts";
import type { Target } from "../../engine/plan/action.ts";
import type { Context } from "../context.ts";

export interface UnsettledKeys {
  tell(key: Key, lags: Lags): void;
  /** Says what their number means. */
  finish(keys: number): void;
}

const TARGETS: readonly Target[] = ["source", "destination"];

export function openUnsettled(
  { output, options }: Pick<Context, "output" | "options">,
  sides: Readonly<Record<Target, string>>,
): UnsettledKeys {
  return {
    tell(key, lags) {
      for (const at of TARGETS) {
        const lag = lags[at];
        if (lag === undefined) continue;
        output.event({ type: "unsettled", key, at, lag });
        if (!output.json) output.detail(`  ? ${visible(key)}: ${renderLag(lag, sides[at])}`);
      }
    },
    finish(keys) {
      if (keys === 0 || output.json) return;
      const names = options.verbose === true ? "" : " (-v names them)";
      output.note(
        `  ${count(keys)} not settled yet: KV may lag behind itself, so that what it shows of these keys counts only when the settle window is over, in a minute${names}`,
      );
    },
  };
}

function renderLag(lag: Lag, side: string): string {
  switch (lag) {
    case "absent":
      return `${side} shows none: deleted within the settle window, or its listing lags`;
    case "older":
      return `${side} shows what was there before: written back within the settle window, or its listing lags`;
    case "listing":
      return `the listing of ${side} lags: a read of the key alone has told what it is`;
  }
}
