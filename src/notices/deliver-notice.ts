// One try to deliver a notice, to a webhook or a program, whatever goes wrong.

import type { NotifyConfig } from "../config/config.ts";
import { operationErrorOf } from "../journal/operation-error.ts";
import type { Delivery, DeliveryDeps, OutgoingNotice } from "./delivery-types.ts";
import { postNotice } from "./post-notice.ts";
import { runNoticeProgram } from "./run-notice-program.ts";

/** Throws the reason of an aborted signal, and bugs; nothing else, whatever a receiver does: it must not be able to end who sends. */
export async function deliverNotice(
  { name, to }: NotifyConfig,
  notice: OutgoingNotice,
  deps: DeliveryDeps,
): Promise<Delivery> {
  try {
    return await (to.kind === "webhook" ? postNotice(name, to, notice, deps) : runNoticeProgram(to, notice, deps));
  } catch (error) {
    deps.signal.throwIfAborted();
    const failure = operationErrorOf(error);
    if (failure === undefined) throw error;
    // A secret whose file is missing may be there later.
    return { kind: "failed", reason: failure.message, hint: failure.hint, afterMs: undefined };
  }
}
