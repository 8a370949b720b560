// A migration decides by this machine's clock which keys have expired: it does not copy them, and its proof does not miss them. So it does
// neither by a clock that is wrong.

import type { OpenAccount } from "../accounts/accounts.ts";
import { AppError, visible } from "../core/errors.ts";
import { renderSkew, SKEW_FAIL_MS, SKEW_HINT } from "../kv/clock-skew.ts";

interface DatedAccount {
  readonly name: string;
  readonly api: Pick<OpenAccount["api"], "clockSkew">;
}

/** Against the last answer of each of `accounts`; no request. Throws AppError "failed". */
export function checkClock(accounts: readonly DatedAccount[]): void {
  for (const { name, api } of accounts) {
    const skewMs = api.clockSkew() ?? 0;
    if (Math.abs(skewMs) < SKEW_FAIL_MS) continue;
    const text = renderSkew(skewMs, visible(name));
    throw new AppError("failed", `${text}: keys would be taken for expired that are not, or the other way round`, {
      hint: `${SKEW_HINT}; then type the command again`,
    });
  }
}
