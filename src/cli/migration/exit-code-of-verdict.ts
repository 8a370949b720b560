// What a comparison of two accounts ends with.

import type { ProofVerdict } from "../../migration/proof/proof.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";

const CODES: Readonly<Record<ProofVerdict, ExitCode>> = {
  equal: EXIT.done,
  // The destination does not have what was written since.
  "changed-since": EXIT.incomplete,
  incomplete: EXIT.incomplete,
  different: EXIT.different,
};

export function exitCodeOfVerdict(verdict: ProofVerdict): ExitCode {
  return CODES[verdict];
}
