// Decides, for each request, which of a plan's rules strike it and what that comes to.

import type { Clock, DurationMs } from "../core/clock.ts";
import { type Answer, gatewayPage } from "./answer.ts";
import type { Chance } from "./chance.ts";
import type { CheckedPlan, FaultRule } from "./faults.ts";
import type { CountedOperation, OperationName } from "./operation-name.ts";
import { internalError, rateLimited, refuse, unavailable } from "./refusal.ts";

/** What a request meets with. */
interface Interference {
  /** Answered in place of the operation's own answer; "reset" is no answer at all, "truncated" half of its own. */
  readonly answer: Answer | "reset" | "truncated" | undefined;
  /** Whether the operation is carried out. */
  readonly applied: boolean;
  readonly delayMs: DurationMs;
  readonly meddling: Meddling;
}

/** What goes wrong inside an operation. */
export interface Meddling {
  readonly page: { readonly kind: "whole" | "empty" } | { readonly kind: "short"; readonly keys: number | undefined };
  /** Which of a bulk call's keys are carried out (undefined: all), and which are named as unsuccessful. */
  bulk(keys: readonly string[]): BulkOutcome;
}

interface BulkOutcome {
  readonly applies: ReadonlySet<string> | undefined;
  readonly unsuccessful: readonly string[];
}

/** `changes`: whether the request would change something. */
export type Interfere = (operation: CountedOperation, changes: boolean) => Interference;

const untouched: Meddling = { page: { kind: "whole" }, bulk: () => ({ applies: undefined, unsuccessful: [] }) };
const refusedChange: Interference = {
  answer: refuse(403, 10000, "Authentication error").answer,
  applied: false,
  delayMs: 0,
  meddling: untouched,
};
const none: Interference = { answer: undefined, applied: true, delayMs: 0, meddling: untouched };

/** Counts and judges one request each time it is called. */
export function interference(plan: CheckedPlan, clock: Clock, chance: Chance): Interfere {
  if (plan.readOnly === true) {
    const open = interference({ ...plan, readOnly: false }, clock, chance);
    return (operation, changes) => (changes ? refusedChange : open(operation, changes));
  }
  const rules = plan.rules ?? [];
  if (rules.length === 0) return () => none;
  const triggers = rules.map((rule) => trigger(rule, clock, chance));
  return (operation) => {
    if (operation === "other") return none;
    // Every rule counts every request, also those that another rule strikes.
    const struck = rules.filter((_, index) => triggers[index]?.(operation));
    return struck.reduce((sum, rule) => strike(sum, rule, chance), none);
  };
}

function trigger(rule: FaultRule, clock: Clock, chance: Chance): (operation: OperationName) => boolean {
  const { operations, probability, every, after = 0, first, forSeconds } = rule;
  const startedAt = clock.monotonic();
  let seen = 0;
  return (operation) => {
    if (operations !== undefined && !operations.includes(operation)) return false;
    if (forSeconds !== undefined && clock.monotonic() - startedAt >= forSeconds * 1000) return false;
    seen++;
    if (seen <= after) return false;
    if (first !== undefined && seen > after + first) return false;
    if (every !== undefined && (seen - after) % every !== 0) return false;
    return probability === undefined || chance() < probability;
  };
}

/** `sum` with what `rule` adds to it. Of several rules that would answer, the first does. */
function strike(sum: Interference, rule: FaultRule, chance: Chance): Interference {
  switch (rule.kind) {
    case "rate-limited":
      return answered(sum, rule, rateLimited(rule.retryAfterSeconds ?? 1).answer);
    case "server-error":
      return answered(sum, rule, internalError().answer);
    case "bad-gateway":
      return answered(sum, rule, gatewayPage(502, "Bad Gateway"));
    case "unavailable":
      return answered(sum, rule, unavailable(rule.retryAfterSeconds).answer);
    case "gateway-timeout":
      return answered(sum, rule, gatewayPage(524, "A timeout occurred"));
    case "reset-before":
      return sum.answer === undefined ? { ...sum, answer: "reset", applied: false } : sum;
    case "reset-after":
      return sum.answer === undefined ? { ...sum, answer: "reset" } : sum;
    case "truncated":
      return sum.answer === undefined ? { ...sum, answer: "truncated" } : sum;
    case "slow":
      return { ...sum, delayMs: sum.delayMs + (rule.delayMs ?? 1000) };
    case "unsuccessful-keys":
      return { ...sum, meddling: { ...sum.meddling, bulk: (keys) => leaveOut(keys, rule.keys ?? 1, chance) } };
    case "empty-page":
      return { ...sum, meddling: { ...sum.meddling, page: { kind: "empty" } } };
    case "short-page":
      return { ...sum, meddling: { ...sum.meddling, page: { kind: "short", keys: rule.keys } } };
  }
}

function answered(sum: Interference, { applied = "none" }: FaultRule, answer: Answer): Interference {
  if (sum.answer !== undefined) return sum;
  if (applied !== "half") return { ...sum, answer, applied: applied === "all" };
  return { ...sum, answer, applied: true, meddling: { ...sum.meddling, bulk: firstHalf } };
}

function firstHalf(keys: readonly string[]): BulkOutcome {
  return { applies: new Set(keys.slice(0, Math.ceil(keys.length / 2))), unsuccessful: [] };
}

/** Leaves out `count` of `keys` by chance. */
function leaveOut(keys: readonly string[], count: number, chance: Chance): BulkOutcome {
  const applies = new Set(keys);
  const left = [...keys];
  const unsuccessful: string[] = [];
  while (unsuccessful.length < count && left.length > 0) {
    const [key] = left.splice(Math.floor(chance() * left.length), 1);
    if (key === undefined) break;
    applies.delete(key);
    unsuccessful.push(key);
  }
  return { applies, unsuccessful };
}
