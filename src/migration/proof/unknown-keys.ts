// Keys of which a listing cannot say what they hold, such as metadata that cannot be carried as it is. Nothing follows from them
// but that they were not compared [I3].

import { compareUtf8, type Key } from "../../core/key.ts";
import type { ListOptions, Unknown } from "../../replica/replica.ts";
import type { Proving } from "./proving.ts";

export interface UnknownKeys {
  /** For both listings. */
  readonly events: Required<Pick<ListOptions, "onProblem" | "onUnknown">>;
  /** Whether `key` is one of them. It is counted as unreadable, once. */
  takes(key: Key): boolean;
  /** The listings have passed `key`. */
  passed(key: Key | undefined): void;
}

export function openUnknownKeys({
  findings,
  tally,
  excludedBecause,
}: Pick<Proving, "findings" | "tally" | "excludedBecause">): UnknownKeys {
  const keys = new Set<Key>();
  const places: Exclude<Unknown, { readonly key: Key }>[] = [];
  let problem = { subject: "", message: "" };
  const tell = (key: string, reason: string): void => {
    tally.unknown++;
    findings.add({ key, class: "unreadable", differs: [], changedAt: null, source: null, destination: null, reason });
  };
  return {
    events: {
      onProblem: (told) => void (problem = told),
      onUnknown: (unknown) => {
        if (!("key" in unknown)) return void places.push(unknown);
        const { key } = unknown;
        if (keys.has(key) || excludedBecause?.(key) !== undefined) return;
        keys.add(key);
        tell(key, problem.subject === key ? problem.message : "cannot be compared");
      },
    },
    takes(key) {
      if (keys.has(key)) return true;
      if (!places.some((place) => isIn(place, key))) return false;
      tell(key, "lies where one side cannot be read");
      return true;
    },
    passed(last) {
      if (last === undefined) return;
      for (const key of keys) if (compareUtf8(key, last) <= 0) keys.delete(key);
    },
  };
}

function isIn(place: Exclude<Unknown, { readonly key: Key }>, key: Key): boolean {
  if ("prefix" in place) return key.startsWith(place.prefix);
  const { after, before } = place;
  return (after === undefined || compareUtf8(key, after) > 0) && (before === undefined || compareUtf8(key, before) < 0);
}
