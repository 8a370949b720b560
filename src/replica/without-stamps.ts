// A replica whose stamps nobody believes: its listing tells neither fingerprints nor sizes, so a round reads every value to
// compare it. If a value that was read contradicts its stamp, the replica inside still reports it as a stale read.

import type { Replica } from "./replica.ts";
import { wrapReplica } from "./wrap.ts";

export function withoutStamps(replica: Replica): Replica {
  return wrapReplica(replica, { listed: (entry) => ({ ...entry, fingerprint: undefined, size: undefined }) });
}
