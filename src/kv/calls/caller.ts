// What the calls of the API have in common: where they go, and who sends them.

import type { Clock } from "../../core/clock.ts";
import type { CallOptions } from "../kv-api.ts";
import { KvError } from "../kv-error.ts";
import type { Paths } from "../paths.ts";
import type { Call, CallResult, RequestLoop } from "../request-loop.ts";

export interface Caller {
  readonly clock: Clock;
  readonly paths: Paths;
  readonly loop: Pick<RequestLoop, "run">;
}

export const JSON_TYPE = "application/json";

/** The result of a call that cannot be about a missing key. */
export async function request(
  { loop }: Caller,
  call: Call,
  callOptions: CallOptions = {},
): Promise<Extract<CallResult, { kind: "success" }>> {
  const answer = await loop.run(call, "json", callOptions);
  if (answer.kind === "success") return answer;
  throw new KvError("key-not-found", `could not ${call.what}: the key does not exist`);
}
