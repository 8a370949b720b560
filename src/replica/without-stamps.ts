// A replica whose stamps nobody believes: its listing tells neither fingerprints nor sizes, so a round reads every value to
// compare it. If a value that was read contradicts its stamp, the replica inside still reports it as a stale read.

import { isWrittenInPlace, type ReadableReplica, type Replica } from "./replica.ts";
import { type View, wrapReadable, wrapReplica } from "./wrap.ts";

export function withoutStamps(replica: Replica): Replica;
export function withoutStamps(replica: ReadableReplica): ReadableReplica;
export function withoutStamps(replica: ReadableReplica): ReadableReplica {
  // An archive's are of values that were all read when it was opened, and it gives a value only if it is still that one.
  if (replica.kind === "archive") return replica;
  const view: View = { listed: (entry) => ({ ...entry, fingerprint: undefined, size: undefined }) };
  return isWrittenInPlace(replica) ? wrapReplica(replica, view) : wrapReadable(replica, view);
}
