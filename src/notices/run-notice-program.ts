// A notice to a program of the user's. It gets the message as one line of JSON on stdin, and besides
//   KVSYNC_EVENT    notice
//   KVSYNC_NOTICE   the id of the notice, the same each time that it is told
//   KVSYNC_COUNT    how many things it tells
// Names and messages are other people's text, and never in the environment.

import type { NoticeTarget } from "../config/config.ts";
import { runHook } from "../mapping/hooks/run-hook.ts";
import type { Delivery, DeliveryDeps, OutgoingNotice } from "./delivery-types.ts";

export async function runNoticeProgram(
  { run, timeoutMs }: Extract<NoticeTarget, { readonly kind: "program" }>,
  { id, body, items }: OutgoingNotice,
  { clock, folder, programEnv, signal }: DeliveryDeps,
): Promise<Delivery> {
  const env = { ...programEnv(), KVSYNC_EVENT: "notice", KVSYNC_NOTICE: id, KVSYNC_COUNT: String(items) };
  const outcome = await runHook({ clock, run, folder, env, lines: [body], timeoutMs, signal });
  signal.throwIfAborted();
  if (outcome.kind === "done") return { kind: "delivered" };
  const said = outcome.stderr === "" ? "" : `: ${outcome.stderr.split("\n").at(-1)}`;
  return { kind: "failed", reason: `the program ${outcome.reason}${said}`, hint: undefined, afterMs: undefined };
}
