// Which side of a pair is its remote.

import type { ReadableReplica } from "../replica/replica.ts";
import type { Target } from "./plan/action.ts";

/** The side that may lag behind itself, and that unsettled versions are of. Between two namespaces: the one that is written to. */
export function remoteSide({
  source,
  destination,
}: Readonly<Record<Target, Pick<ReadableReplica, "traits">>>): Target | undefined {
  if (destination.traits.eventuallyConsistent) return "destination";
  return source.traits.eventuallyConsistent ? "source" : undefined;
}
