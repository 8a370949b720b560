// What each class of keys is called in a report, what it means, and what to do about it: for somebody who did not run the migration.

import type { FindingClass } from "../proof/classify-key.ts";

export interface ClassWords {
  /** Heading of the list. */
  readonly title: string;
  /** In the table of counts. */
  readonly row: string;
  readonly meaning: string;
}

export const CLASS_WORDS: Readonly<Record<FindingClass, ClassWords>> = {
  missing: {
    title: "Missing at the destination",
    row: "Missing at the destination",
    meaning: "The source holds these keys, and the destination does not.",
  },
  value: {
    title: "Different values",
    row: "Different value",
    meaning: "Both sides hold these keys, with different values.",
  },
  metadata: {
    title: "Different metadata",
    row: "Same value, different metadata",
    meaning: "Both sides hold these keys with the same value, and with different metadata.",
  },
  expiration: {
    title: "Different expirations",
    row: "Same value and metadata, different expiration",
    meaning: "Both sides hold these keys with the same value and metadata, but do not remove them at the same second.",
  },
  extra: {
    title: "Only at the destination",
    row: "Only at the destination",
    meaning: "The destination holds these keys, and the source does not.",
  },
  unreadable: {
    title: "Not compared",
    row: "Could not be read, so not compared",
    meaning: "One side could not say what it holds under these keys. Nothing is known of them.",
  },
  "changed-since": {
    title: "Written at the source since",
    row: "Written at the source after it was copied",
    meaning:
      "These keys were written, or deleted, at the source after they had been copied. The destination holds what the source held before that, so the copy is not at fault; but it does not have the change.",
  },
  expired: {
    title: "Expired meanwhile",
    row: "Expired meanwhile",
    meaning:
      "These keys had an expiration, and their time ended during the migration. Workers KV removes such keys by itself, at each side in its own time, and takes no new key that has less than a minute to live. This is no failure.",
  },
  excluded: {
    title: "Left out on purpose",
    row: "Left out on purpose",
    meaning: "These keys of the source were not to be moved.",
  },
};

/** Of keys that only the destination holds, where it held keys before. */
export const EXTRA_WAS_EXPECTED =
  "The destination held keys before the migration, and a migration removes none of these. This is no failure.";

const AGAIN = "To carry these keys over, run the same migration again; it copies only what differs.";
const CHANGED_THERE =
  "If programs write to the destination already, these may be their writes: then nothing is to be done. A migration that is run again leaves alone what was changed at the destination.";

/** What to do about keys of a class, beyond what it means; undefined: nothing. */
export const CLASS_ADVICE: Readonly<Partial<Record<FindingClass, string>>> = {
  missing:
    "Those that were not copied yet are carried over if the same migration is run again. One that was copied, and is gone at the destination since, is left so.",
  value: CHANGED_THERE,
  metadata: CHANGED_THERE,
  expiration:
    "If programs write to the destination already, these may be their writes: then nothing is to be done. A copy takes expirations that are up to two seconds apart for equal: to have such a key mended, delete it at the destination, and run the same migration again.",
  extra:
    "Somebody has written these keys at the destination, or they were there before. A migration removes none of them.",
  unreadable: "Run the comparison again. If a key stays in this list, look at it at the side that is named.",
  "changed-since": AGAIN,
};
