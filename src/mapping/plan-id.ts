// The id of a plan: what a person approves is this and nothing else. Two plans with the same actions on the same keys,
// and the same versions to be removed, have one id.

import { createHash } from "node:crypto";
import type { Plan } from "../engine/plan/plan.ts";

/** 10 hexadecimal digits: enough to tell plans of one mapping apart, and short enough to type. */
export function planIdOf(plan: Plan): string {
  const hash = createHash("sha256");
  for (const list of ["write:source", "write:destination"] as const) {
    for (const page of plan.pages(list)) hash.update(page.map(({ key }) => `${list}\0${key}\n`).join(""));
  }
  for (const list of ["remove:source", "remove:destination"] as const) {
    for (const page of plan.pages(list)) {
      hash.update(page.map(({ key, replaces }) => `${list}\0${key}\0${replaces.fingerprint ?? ""}\n`).join(""));
    }
  }
  return hash.digest("hex").slice(0, 10);
}
