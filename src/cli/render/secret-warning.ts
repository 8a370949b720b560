// The warning that keys were written whose names are those of secrets: whoever reads the namespace reads them.

import { count } from "../../core/counted.ts";
import { looksSecret } from "../../core/default-excludes.ts";
import { visible } from "../../core/errors.ts";
import type { RoundEvents } from "../../engine/round-request.ts";
import type { Output } from "./output.ts";

const NAMES_SHOWN_MAX = 5;

export interface SecretWatch {
  readonly events: RoundEvents;
  /** At the end, if there is something to tell. */
  warn(output: Output): void;
}

/** `events` of a round whose destination is a namespace, with an eye on what is written there. */
export function watchForSecrets(events: RoundEvents): SecretWatch {
  const names: string[] = [];
  let found = 0;
  return {
    events: {
      ...events,
      onDone: (done) => {
        events.onDone?.(done);
        if (done.kind !== "written" || done.to !== "destination" || !looksSecret(done.key)) return;
        found++;
        if (names.length < NAMES_SHOWN_MAX) names.push(done.key);
      },
    },
    warn(output) {
      if (found > 0) output.warn(renderSecrets(names, found, "written to the namespace"));
    },
  };
}

/** `2 keys with names of secrets were written to the namespace: id_rsa, .npmrc`. */
function renderSecrets(names: readonly string[], found: number, verb: string): string {
  const more = found > names.length ? `, and ${count(found - names.length)} more` : "";
  const subject =
    found === 1 ? "1 key with the name of a secret was" : `${count(found)} keys with names of secrets were`;
  return `${subject} ${verb}: ${names.map(visible).join(", ")}${more}\n  hint: leave such files out with exclude, delete the keys with kvsync key delete, and replace the secrets`;
}
