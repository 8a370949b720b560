// Keys of which a listing cannot say what they hold, such as metadata that cannot be carried as it is. Nothing follows from them
// but that they were not compared [I3].

import { compareUtf8, type Key } from "../../core/key.ts";
import type { ListOptions, Unknown } from "../../replica/replica.ts";
import type { Proving } from "./proving.ts";

export interface UnknownKeys {
  /** For the listing of one side. */
  eventsOf(side: "source" | "destination"): Required<Pick<ListOptions, "onProblem" | "onUnknown">>;
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
  const tell = (key: string, reason: string): void => {
    tally.unknown++;
    findings.add({ key, class: "unreadable", differs: [], changedAt: null, source: null, destination: null, reason });
  };
  return {
    eventsOf(side) {
      // Of the key that is told of next, which may have another name by then.
      let problem: string | undefined;
      return {
        onProblem: ({ message }) => void (problem = message),
        onUnknown: (unknown) => {
          const reason = problem ?? "it cannot be told what the key holds";
          problem = undefined;
          if (!("key" in unknown)) return void places.push(unknown);
          const { key } = unknown;
          if (keys.has(key) || excludedBecause?.(key) !== undefined) return;
          keys.add(key);
          tell(key, `at the ${side}: ${reason}`);
        },
      };
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
