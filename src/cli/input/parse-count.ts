// Whole numbers of things, as they are typed.

import { AppError, visible } from "../../core/errors.ts";

/** Throws "usage", which begins with `noun`. */
export function parseCount(text: string, noun: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new AppError("usage", `${noun}: "${visible(text)}" is no whole number above 0`);
}
