// How deep a proof looks: at what listings tell of all keys, at the values of a sample besides, or at all values.

import { AppError, visible } from "../../core/errors.ts";
import type { Key } from "../../core/key.ts";
import { isInSample } from "../../core/sample.ts";
import { parseRatio } from "../../core/units.ts";

export type VerifyDepth =
  | { readonly kind: "listing" }
  /** Which keys are in the sample depends on nothing but the seed, so that anybody can take the same sample again. */
  | { readonly kind: "sample"; readonly share: number; readonly seed: string }
  | { readonly kind: "values" };

export const VERIFY_FORMS = "listing, sample=1%, or values";

/** `seed`: of the sample. Throws AppError "usage". */
export function parseVerifyDepth(text: string, seed: string): VerifyDepth {
  if (text === "listing" || text === "values") return { kind: text };
  const [, share] = /^sample=(.+)$/.exec(text) ?? [];
  const parsed = share === undefined ? undefined : parseShare(share);
  if (parsed === undefined || !(parsed > 0 && parsed <= 1)) {
    throw new AppError("usage", `"${visible(text)}" is no way to verify`, { hint: `write ${VERIFY_FORMS}` });
  }
  return { kind: "sample", share: parsed, seed };
}

/** As `parseVerifyDepth` reads it. */
export function renderVerifyDepth(depth: VerifyDepth): string {
  return depth.kind === "sample" ? `sample=${renderShare(depth.share)}` : depth.kind;
}

function renderShare(share: number): string {
  return `${Number((share * 100).toPrecision(6))}%`;
}

function parseShare(text: string): number | undefined {
  const parsed = parseRatio(text);
  return parsed.kind === "value" ? parsed.value : undefined;
}

/** Whether the values of this key are to be read at both sides. */
export function isSampled(depth: VerifyDepth, key: Key): boolean {
  if (depth.kind !== "sample") return depth.kind === "values";
  return isInSample(depth, key);
}

/** The part of all values that is read for it. */
export function shareRead(depth: VerifyDepth): number {
  if (depth.kind === "sample") return depth.share;
  return depth.kind === "values" ? 1 : 0;
}
