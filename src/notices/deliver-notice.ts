// One try to deliver a notice, to a webhook or a program, whatever goes wrong.

import type { NotifyConfig } from "../config/config.ts";
import { AppError } from "../core/errors.ts";
import type { Delivery, DeliveryDeps, OutgoingNotice } from "./delivery-types.ts";
import { postNotice } from "./post-notice.ts";
import { runNoticeProgram } from "./run-notice-program.ts";

/** Never throws but the reason of an aborted signal: whoever receives notices must not be able to end who sends them. */
export async function deliverNotice(
  { name, to }: NotifyConfig,
  notice: OutgoingNotice,
  deps: DeliveryDeps,
): Promise<Delivery> {
  try {
    return await (to.kind === "webhook" ? postNotice(name, to, notice, deps) : runNoticeProgram(to, notice, deps));
  } catch (error) {
    deps.signal.throwIfAborted();
    // A secret whose file is missing may be there later.
    const hint = error instanceof AppError ? error.hint : undefined;
    const reason = error instanceof Error ? error.message : String(error);
    return { kind: "failed", reason, hint, afterMs: undefined };
  }
}
