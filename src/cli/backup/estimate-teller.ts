// What reading the values of a namespace will cost, said before it has gone on for long: a first backup of values without a stamp
// takes a request for each hundred texts, and one for each value that is none.

import { counted } from "../../core/counted.ts";
import type { ReadEstimate } from "../../backup/snapshot/estimate-reads.ts";
import type { DurationMs } from "../../core/clock.ts";
import { visible } from "../../core/errors.ts";
import { renderDuration } from "../../core/units.ts";
import type { Budget } from "../../kv/budget.ts";
import type { OpenLocation } from "../../mapping/open-location.ts";
import type { Context } from "../context.ts";

export interface EstimateTeller {
  /** `isWhole`: nothing more is listed. */
  tell(estimate: ReadEstimate, isWhole: boolean): void;
}

/** Fewer requests than these are over soon. */
const TOLD_REQUESTS_MIN = 20;
/** What is known to be at least so much is not waited for. */
const TOLD_VALUES_MIN = 100_000;

/** `budget`: of the account that is read; undefined: no request is needed. */
export function openEstimateTeller(
  { output }: Pick<Context, "output">,
  {
    label,
    budget,
    isFirst,
  }: { readonly label: string; readonly budget: Budget | undefined; readonly isFirst: boolean },
): EstimateTeller {
  let isTold = !isFirst || budget === undefined;
  return {
    tell(estimate, isWhole) {
      if (isTold || (!isWhole && estimate.unstamped < TOLD_VALUES_MIN)) return;
      isTold = true;
      if (estimate.unstamped === 0 || estimate.requests < TOLD_REQUESTS_MIN) return;
      const least = isWhole ? "" : "at least ";
      output.note(
        `${visible(label)}: ${least}${renderEstimate(estimate, timeOf(estimate, budget))}. ` +
          `${counted(estimate.unstamped, "value has", "values have")} no stamp of kvsync, so the listing does not tell what changed`,
      );
    },
  };
}

/** `1,234 values to read take 13 requests, about 2s; as many more as there are values that are no text` */
export function renderEstimate({ values, unstamped, requests }: ReadEstimate, timeMs: DurationMs | undefined): string {
  const time =
    timeMs === undefined || timeMs < 1000 ? "" : `, about ${renderDuration(Math.ceil(timeMs / 1000) * 1000)}`;
  const more = unstamped === 0 ? "" : ", and one more for each that is no text";
  return `${counted(values, "value to read takes", "values to read take")} ${counted(requests, "request")}${time}${more}`;
}

/** How long the request budget makes them take. */
export function timeOf({ requests }: ReadEstimate, budget: Budget | undefined): DurationMs | undefined {
  return budget?.outlook(requests, 0);
}

/** Of the account that `source` is in; undefined: reading it costs no requests. */
export async function budgetOf(
  context: Pick<Context, "account">,
  { account }: OpenLocation,
): Promise<Budget | undefined> {
  return account === undefined ? undefined : (await context.account(account)).api.budget;
}
