// What an answer's headers tell about rate limits: `Ratelimit` (what is left), `Ratelimit-Policy` (what is allowed) and
// `Retry-After`. Values that cannot be read are as good as absent: they are only advice.

import type { DurationMs } from "../core/clock.ts";
import type { RatePolicy } from "../core/request-window.ts";
import type { AnswerHeaders } from "./transport.ts";

export interface RateHeaders {
  readonly remaining: { readonly left: number; readonly resetMs: DurationMs } | undefined;
  readonly policies: readonly RatePolicy[];
}

/** `Ratelimit: "default";r=50;t=30` and `Ratelimit-Policy: "burst";q=100;w=60`, each a list; times are in seconds. */
export function parseRateHeaders(headers: AnswerHeaders): RateHeaders {
  const left = items(headers["ratelimit"]).flatMap((item) => {
    const [r, t] = [parameter(item, "r"), parameter(item, "t")];
    return r === undefined || t === undefined ? [] : [{ left: r, resetMs: t * 1000 }];
  });
  const policies = items(headers["ratelimit-policy"]).flatMap((item) => {
    const [q, w] = [parameter(item, "q"), parameter(item, "w")];
    return q === undefined || w === undefined ? [] : [{ quota: q, windowMs: w * 1000 }];
  });
  return { remaining: left.sort((a, b) => a.left - b.left)[0], policies };
}

/** `Retry-After` in milliseconds: whole seconds, or an HTTP date. A date is by the server's clock, and so counts from the
 * `Date` of the same answer; without that, nothing is known of it. */
export function parseRetryAfter(headers: AnswerHeaders): DurationMs | undefined {
  const text = single(headers["retry-after"])?.trim();
  if (text === undefined || text === "") return undefined;
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const wait = Date.parse(text) - Date.parse(single(headers["date"]) ?? "");
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}

function items(value: string | readonly string[] | undefined): readonly string[] {
  const text = typeof value === "string" ? value : (value ?? []).join(",");
  return text === "" ? [] : text.split(",");
}

export function single(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "string" ? value : value?.[0];
}

function parameter(item: string, name: string): number | undefined {
  const match = new RegExp(`;\\s*${name}\\s*=\\s*(\\d{1,9})\\s*(?:;|$)`).exec(item);
  return match?.[1] === undefined ? undefined : Number(match[1]);
}
