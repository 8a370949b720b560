// The signature of a webhook's request: `t=SECONDS,v1=HEX`, where HEX is the HMAC-SHA256, under the secret, of the seconds, a dot and the
// body as it is. The seconds are of the try, so that a receiver can refuse a request that somebody recorded and sends again.

import { createHmac } from "node:crypto";
import type { Secret } from "../config/secret.ts";
import { type EpochMs, toEpochSeconds } from "../core/clock.ts";

export function signNotice(body: string, secret: Secret, now: EpochMs): string {
  const seconds = toEpochSeconds(now);
  const hex = createHmac("sha256", secret.reveal()).update(`${seconds}.${body}`).digest("hex");
  return `t=${seconds},v1=${hex}`;
}
