// What it takes to deliver a notice, and what came of a try: plain data.

import type { Clock, DurationMs } from "../core/clock.ts";
import type { ReadFile } from "../config/secret.ts";
import type { Environment } from "../mapping/hooks/hook-environment.ts";

export type Delivery =
  | { readonly kind: "delivered" }
  /** `afterMs`: the receiver asks for so long a wait. */
  | {
      readonly kind: "failed";
      readonly reason: string;
      readonly hint: string | undefined;
      readonly afterMs: DurationMs | undefined;
    }
  /** The receiver does not want it, and would not want it later. */
  | { readonly kind: "refused"; readonly reason: string; readonly hint: string | undefined };

export interface DeliveryDeps {
  readonly clock: Clock;
  /** Of the process: proxies; and what programs get, without secrets. */
  readonly env: Environment;
  /** What programs find in their environment. Asked for at each try: what is a secret may change with the config. */
  readonly programEnv: () => Readonly<Record<string, string>>;
  /** Where programs run. */
  readonly folder: string;
  readonly readFile: ReadFile;
  readonly version: string;
  readonly signal: AbortSignal;
}

export interface OutgoingNotice {
  readonly id: string;
  readonly body: string;
  /** How many things it tells. */
  readonly items: number;
}
