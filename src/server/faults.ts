// What can be made to go wrong, as plain data: a plan says it, in JSON if need be, and its seed makes a failure
// repeatable. The rest of the server asks interference.ts, rate-limit.ts, store/lagging-store.ts and usage-limits.ts,
// each of which carries out its part of the plan.

import * as v from "valibot";
import { AppError } from "../core/errors.ts";
import { BUDGET_REQUESTS, BUDGET_WINDOW_MS } from "../core/limits.ts";
import { OPERATIONS } from "./operation-name.ts";

const kinds = [
  "rate-limited", // 429, code 971
  "server-error", // 500 with an envelope
  "bad-gateway", // 502, an HTML page
  "unavailable", // 503 with an envelope
  "gateway-timeout", // 524, an HTML page
  "reset-before", // the connection is reset and nothing was applied
  "reset-after", // the connection is reset although all was applied: a lost response
  "truncated", // applied; half of the answer arrives, then the connection closes
  "slow", // applied, and answered `delayMs` later
  "unsuccessful-keys", // a bulk call leaves out `keys` of its keys and names them
  "empty-page", // a listing answers no keys and a cursor
  "short-page", // a listing answers `keys` keys at most, and a cursor if there are more
] as const;

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const positive = v.pipe(count, v.minValue(1));
const amount = v.pipe(v.number(), v.minValue(0));
const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));

const ruleSchema = v.strictObject({
  kind: v.picklist(kinds),
  /** Only these operations; all if it is not given. */
  operations: v.exactOptional(v.array(v.picklist(OPERATIONS))),
  // When, counted over the requests that `operations` lets through. What is given must all hold; nothing: always.
  /** The chance for each request. */
  probability: v.exactOptional(share),
  /** The nth, the 2nth, ... */
  every: v.exactOptional(positive),
  /** Not the first n. */
  after: v.exactOptional(count),
  /** Only the first n (after those that `after` skips). */
  first: v.exactOptional(count),
  /** Only that long after the plan was set. */
  forSeconds: v.exactOptional(amount),
  // What.
  /** Of "rate-limited" and "unavailable": the `retry-after` header. */
  retryAfterSeconds: v.exactOptional(amount),
  /** Of "slow". */
  delayMs: v.exactOptional(amount),
  /** Of the four error answers: how much of the request was carried out all the same. "half" is meant for bulk calls. */
  applied: v.exactOptional(v.picklist(["none", "half", "all"])),
  /** Of "unsuccessful-keys" (1 if it is not given) and "short-page" (half of what was asked for). */
  keys: v.exactOptional(positive),
});

const planSchema = v.strictObject({
  /** The same seed and the same requests give the same faults. */
  seed: v.exactOptional(v.pipe(v.number(), v.integer())),
  rules: v.exactOptional(v.array(ruleSchema)),
  /** The API's limit a user: passing it blocks everything for a whole window. */
  rateLimit: v.exactOptional(
    v.strictObject({
      requests: v.exactOptional(positive, BUDGET_REQUESTS),
      windowSeconds: v.exactOptional(positive, BUDGET_WINDOW_MS / 1000),
    }),
  ),
  /** Eventual consistency: for up to `seconds` after a write, readers may be shown what it replaced. */
  settle: v.exactOptional(
    v.strictObject({
      seconds: amount,
      /** The chance that one look at one key shows an older version while it can. */
      probability: v.exactOptional(share, 0.5),
      /** Each write takes its own time of up to `seconds` to settle; false: all take the whole. */
      spread: v.exactOptional(v.boolean(), true),
      lists: v.exactOptional(v.boolean(), true),
      reads: v.exactOptional(v.boolean(), true),
    }),
  ),
  /** The token may only read: whatever changes something is 403, code 10000. */
  readOnly: v.exactOptional(v.boolean()),
  /** One write a second to one key; more is 429, code 10022 (a bulk write with such a key is refused as a whole). */
  keyWriteInterval: v.exactOptional(v.boolean()),
  /** The Free plan's quota for a UTC day; what passes it is 429, code 10048. */
  freeQuota: v.exactOptional(
    v.strictObject({
      reads: v.exactOptional(count, 100_000),
      writes: v.exactOptional(count, 1000),
      deletes: v.exactOptional(count, 1000),
      lists: v.exactOptional(count, 1000),
    }),
  ),
});

type DeepReadonly<T> = T extends object ? { readonly [P in keyof T]: DeepReadonly<T[P]> } : T;

/** A plan as it is written: every property may be left out. */
export type FaultPlan = DeepReadonly<v.InferInput<typeof planSchema>>;
/** A plan with its defaults filled in. */
export type CheckedPlan = DeepReadonly<v.InferOutput<typeof planSchema>>;
export type FaultRule = NonNullable<CheckedPlan["rules"]>[number];
export type Settle = NonNullable<CheckedPlan["settle"]>;

/** `given` with its defaults, or AppError "usage" that names what is wrong with it. */
export function parseFaultPlan(given: unknown): CheckedPlan {
  const parsed = v.safeParse(planSchema, given);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const where = v.getDotPath(issue) ?? "the plan";
  throw new AppError("usage", `fault plan: ${where}: ${issue.message}`, {
    hint: "see FaultPlan in src/server/faults.ts",
  });
}
