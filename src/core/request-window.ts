// The request budget of one account: which moment the next request may be sent at. Pure: state and the monotonic time in,
// a wait out; kv/budget.ts sleeps. By hand, since no library takes our clock, keeps an exact sliding window, or learns from
// answers.
//
// A log of answers rather than a counter that refills: it allows a burst of the whole budget, yet never more than the
// quota in any window, wherever that window begins. A request counts from before it is sent until a window after its
// answer, so the server, which counts it somewhere in between, never sees more than the quota either.

import type { DurationMs, MonotonicMs } from "./clock.ts";

/** At most `quota` requests in any `windowMs`. */
export interface RatePolicy {
  readonly quota: number;
  readonly windowMs: DurationMs;
}

export interface RequestWindow {
  readonly policies: RatePolicy[];
  /** How many of the listed policies came from the configuration; those learnt from answers follow. */
  readonly ownPolicies: number;
  /** Moments of answers, a ring buffer; `next` is where the next one goes. */
  answers: Float64Array;
  next: number;
  answered: number;
  inFlight: number;
  /** Nothing may be sent before this moment (a Retry-After). */
  blockedUntil: number;
  /** What the server said is left until a moment; undefined: it said nothing, or that moment has passed. */
  remaining: { left: number; readonly until: number } | undefined;
}

/** A window that holds to all of `policies`; `recent`: moments of requests sent before, by an earlier process say. */
export function openRequestWindow(policies: readonly RatePolicy[], recent: readonly number[] = []): RequestWindow {
  const capacity = Math.max(1, ...policies.map((policy) => policy.quota));
  const window: RequestWindow = {
    policies: [...policies],
    ownPolicies: policies.length,
    answers: new Float64Array(capacity),
    next: 0,
    answered: 0,
    inFlight: 0,
    blockedUntil: 0,
    remaining: undefined,
  };
  for (const moment of [...recent].sort((a, b) => a - b)) log(window, moment);
  return window;
}

/** How long until a request may be sent: 0 is now, Infinity is not before one in flight is answered. `reserve` (0..1) is
 * the part of each quota that this request must leave unused, for those more urgent. */
export function waitMs(window: RequestWindow, now: MonotonicMs, reserve = 0): DurationMs {
  let wait = Math.max(0, window.blockedUntil - now);
  const { remaining } = window;
  if (remaining !== undefined && now < remaining.until && remaining.left <= 0)
    wait = Math.max(wait, remaining.until - now);
  for (const policy of window.policies) wait = Math.max(wait, policyWaitMs(window, policy, now, reserve));
  return wait;
}

function policyWaitMs(window: RequestWindow, policy: RatePolicy, now: MonotonicMs, reserve: number): DurationMs {
  // At least one request is always possible, or a small quota would stop the less urgent for good.
  const quota = Math.max(1, policy.quota - Math.floor(policy.quota * reserve));
  const free = quota - window.inFlight;
  if (free <= 0) return Number.POSITIVE_INFINITY;
  if (window.answered < free) return 0;
  // With `free` answers inside the window there is no room; the oldest of those `free` is the first to leave it.
  const capacity = window.answers.length;
  const moment = window.answers[(window.next - free + capacity) % capacity] ?? 0;
  return Math.max(0, moment + policy.windowMs - now);
}

/** How long until `requests` more will have been sent, each `paceMs` after the one before at the earliest, if nobody else
 * sends any. What is in flight counts as answered now. */
export function outlookMs(window: RequestWindow, now: MonotonicMs, requests: number, paceMs: DurationMs): DurationMs {
  if (requests <= 0) return 0;
  const { blockedUntil, remaining, policies } = window;
  const toldUntil = remaining !== undefined && remaining.left < requests ? remaining.until : 0;
  const byServer = Math.max(0, blockedUntil - now, toldUntil - now);
  return Math.max(byServer, ...policies.map((policy) => policyOutlookMs(window, policy, now, requests, paceMs)));
}

function policyOutlookMs(
  { answers, next, answered, inFlight, blockedUntil }: RequestWindow,
  { quota, windowMs }: RatePolicy,
  now: MonotonicMs,
  requests: number,
  paceMs: DurationMs,
): DurationMs {
  const capacity = answers.length;
  // Each waits for the one that is a quota before it to leave the window: of the first `quota`, that is a logged one.
  const position = (requests - 1) % quota;
  let at = Math.max(0, blockedUntil - now);
  for (let i = 0; i <= position; i++) {
    if (i > 0) at += paceMs;
    const age = quota - i - inFlight;
    if (age > answered) continue;
    const moment = age <= 0 ? now : (answers[(next - age + capacity) % capacity] ?? 0);
    at = Math.max(at, moment + windowMs - now);
  }
  return at + Math.floor((requests - 1) / quota) * Math.max(windowMs, quota * paceMs);
}

/** Counts a request that is about to be sent. */
export function takeToken(window: RequestWindow): void {
  window.inFlight++;
  if (window.remaining !== undefined) window.remaining.left--;
}

/** A request has been answered, or has failed: either way the server may have counted it, up to this moment. */
export function settleToken(window: RequestWindow, now: MonotonicMs): void {
  window.inFlight--;
  log(window, now);
}

/** Takes back a token of a request that was never sent. */
export function returnToken(window: RequestWindow): void {
  window.inFlight--;
  if (window.remaining !== undefined) window.remaining.left++;
}

/** Nothing may be sent for `duration` from `now` on. */
export function blockTokens(window: RequestWindow, now: MonotonicMs, duration: DurationMs): void {
  window.blockedUntil = Math.max(window.blockedUntil, now + duration);
}

/** What an answer said about the server's own count: `left` requests for the next `resetMs`. */
export function observeRemaining(window: RequestWindow, now: MonotonicMs, left: number, resetMs: DurationMs): void {
  const until = now + Math.min(resetMs, LEARNT_WINDOW_MS_MAX);
  // Those in flight may not be in the server's count yet.
  const usable = left - window.inFlight;
  const known = window.remaining;
  const sameWindow = known !== undefined && now < known.until && Math.abs(known.until - until) < SAME_WINDOW_MS;
  window.remaining = { left: sameWindow ? Math.min(known.left, usable) : usable, until };
}

/** Resets are told in whole seconds, so those of one window differ by up to that and the way of the answer. */
const SAME_WINDOW_MS = 2000;

/** Most policies and the largest quota that are believed of a server. */
const LEARNT_POLICIES_MAX = 4;
const LEARNT_QUOTA_MAX = 100_000;
/** The API's own window is five minutes. One strange answer must not stop everything for days. */
const LEARNT_WINDOW_MS_MAX: DurationMs = 900_000;

/** Holds to `policies` too, which the server announced; they can only narrow what is allowed. */
export function observePolicies(window: RequestWindow, policies: readonly RatePolicy[]): void {
  const learnt = policies
    .filter((policy) => policy.quota >= 1 && policy.quota <= LEARNT_QUOTA_MAX)
    .filter(({ windowMs }) => windowMs > 0 && windowMs <= LEARNT_WINDOW_MS_MAX)
    .slice(0, LEARNT_POLICIES_MAX);
  if (learnt.length === 0) return;
  window.policies.splice(window.ownPolicies, window.policies.length, ...learnt);
  const capacity = Math.max(...window.policies.map((policy) => policy.quota));
  if (capacity > window.answers.length) enlarge(window, capacity);
}

/** The moments of the requests that still count, in order: what another process needs to go on with this budget. */
export function recentTokens(window: RequestWindow, now: MonotonicMs): readonly number[] {
  const windowMs = Math.max(0, ...window.policies.map((policy) => policy.windowMs));
  const moments = logged(window).filter((moment) => moment + windowMs > now);
  return [...moments, ...Array.from({ length: window.inFlight }, () => now)];
}

function log(window: RequestWindow, moment: number): void {
  window.answers[window.next] = moment;
  window.next = (window.next + 1) % window.answers.length;
  window.answered = Math.min(window.answered + 1, window.answers.length);
}

function logged(window: RequestWindow): number[] {
  const capacity = window.answers.length;
  const first = window.next - window.answered + capacity;
  return Array.from({ length: window.answered }, (_, i) => window.answers[(first + i) % capacity] ?? 0);
}

function enlarge(window: RequestWindow, capacity: number): void {
  const moments = logged(window);
  window.answers = new Float64Array(capacity);
  window.answers.set(moments);
  window.next = moments.length % capacity;
}
