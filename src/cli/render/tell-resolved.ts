// A conflict that was resolved, as people and programs are told.

import { visible } from "../../core/errors.ts";
import type { Resolved } from "../../mapping/conflicts/conflict-lines.ts";
import type { Output } from "./output.ts";

export function tellResolved({ output }: { readonly output: Output }, resolved: Resolved): void {
  const { mapping, key, done } = resolved;
  output.report(`${visible(mapping)}  ${output.stdout.bold(visible(key))}: ${done}`);
  output.event({ type: "resolved", ...resolved });
}
