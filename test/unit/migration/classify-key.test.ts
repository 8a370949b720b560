import { expect, test } from "vitest";
import type { EpochSeconds } from "../../../src/core/clock.ts";
import { fingerprintOf } from "../../../src/core/fingerprint.ts";
import { classifyKey, type LookedKey } from "../../../src/migration/proof/classify-key.ts";
import type { Held } from "../../../src/migration/proof/held.ts";

const NOW = 1_800_000_000;

interface Extra {
  readonly metadata?: string;
  /** Seconds from now. */
  readonly in?: number;
}

function held(content: string, { metadata, in: ahead }: Extra = {}): Held {
  const bytes = Buffer.from(content);
  const expiration = ahead === undefined ? undefined : ((NOW + ahead) as EpochSeconds);
  return { fingerprint: fingerprintOf(bytes), sha256: undefined, size: bytes.byteLength, metadata, expiration };
}

const [one, two, three] = [held("1"), held("2"), held("3")];
const nothing = undefined;

interface Case {
  readonly source?: Held | undefined;
  readonly destination?: Held | undefined;
  readonly copied?: Held | undefined;
  /** What the listings showed: nothing unless given. */
  readonly listed?: Partial<LookedKey["listed"]>;
  /** The source listed the key, without a stamp. */
  readonly wasListed?: boolean;
  readonly isCopyComplete?: boolean;
}

function classify({
  source,
  destination,
  copied,
  listed = {},
  wasListed,
  isCopyComplete = copied !== undefined,
}: Case): string {
  const verdict = classifyKey({
    source,
    destination,
    copied,
    listed: { source: listed.source, destination: listed.destination },
    wasListed: wasListed ?? listed.source !== undefined,
    isCopyComplete,
    now: NOW as EpochSeconds,
  });
  if (verdict.kind !== "finding") return verdict.kind;
  const { class: as, differs, changedAt } = verdict;
  return [
    as,
    ...(differs.length > 0 ? [`(${differs.join(", ")})`] : []),
    ...(changedAt === undefined ? [] : [`at ${changedAt}`]),
  ].join(" ");
}

test.each<[name: string, expected: string, given: Case]>([
  ["the same at both sides", "equal", { source: one, destination: one, copied: one }],
  ["the same at both sides by now, and not what was copied", "equal", { source: two, destination: two, copied: one }],
  ["gone at both sides", "gone", { copied: one }],

  [
    "one byte is changed at the destination",
    "value (value) at destination",
    { source: one, destination: two, copied: one },
  ],
  [
    "metadata is changed at the destination",
    "metadata (metadata) at destination",
    { source: one, destination: held("1", { metadata: "{}" }), copied: one },
  ],
  [
    "metadata is lost at the destination",
    "metadata (metadata)",
    {
      source: held("1", { metadata: "{}" }),
      destination: one,
      listed: { source: held("1", { metadata: "{}" }), destination: one },
    },
  ],
  [
    "an expiration is one second later",
    "expiration (expiration)",
    { source: held("1", { in: 1000 }), destination: held("1", { in: 1001 }), copied: held("1", { in: 1000 }) },
  ],
  [
    "an expiration is an hour later",
    "expiration (expiration) at destination",
    { source: held("1", { in: 1000 }), destination: held("1", { in: 4600 }), copied: held("1", { in: 1000 }) },
  ],
  [
    "all three are changed",
    "value (value, metadata, expiration) at destination",
    { source: one, destination: held("2", { metadata: "1", in: 99 }), copied: one },
  ],
  [
    "a copied key is removed from the destination",
    "missing at destination",
    { source: one, destination: nothing, copied: one },
  ],
  [
    "a key was never copied, and nobody knows why",
    "missing",
    { source: one, destination: nothing, listed: { source: one } },
  ],
  [
    "the copy said that it could not copy a key",
    "missing",
    { source: one, destination: nothing, isCopyComplete: false, wasListed: true },
  ],
  ["a key that only the destination holds", "extra", { source: nothing, destination: one, isCopyComplete: true }],
  [
    "a key that only the destination holds, without a copy",
    "extra",
    { destination: one, listed: { destination: one } },
  ],

  [
    "the source is written after the copy",
    "changed-since (value) at source",
    { source: two, destination: one, copied: one },
  ],
  [
    "the source gets other metadata after the copy",
    "changed-since (metadata) at source",
    { source: held("1", { metadata: "1" }), destination: one, copied: one },
  ],
  ["the source deletes after the copy", "changed-since at source", { source: nothing, destination: one, copied: one }],
  [
    "the source makes a key after the copy",
    "changed-since at source",
    { source: one, destination: nothing, isCopyComplete: true },
  ],
  [
    "the source is written while it is looked at, and nothing is known of a copy",
    "changed-since (value) at source",
    { source: two, destination: one, listed: { source: one, destination: one } },
  ],
  ["the source makes a key while it is looked at", "changed-since at source", { source: one, destination: nothing }],
  ["both sides are changed after the copy", "value (value) at both", { source: two, destination: three, copied: one }],
  [
    "the source deletes, and the destination holds something else",
    "extra at both",
    { source: nothing, destination: two, copied: one },
  ],
  [
    "the values of the listing were unknown, so nobody can say who changed the key",
    "value (value)",
    { source: two, destination: one, wasListed: true },
  ],

  ["a key expires at both sides", "expired", { copied: held("1", { in: -1 }) }],
  ["a key expires after it was listed at the source alone", "expired", { listed: { source: held("1", { in: -1 }) } }],
  [
    "a key is too close to its expiration to be written",
    "expired",
    { source: held("1", { in: 59 }), destination: nothing, isCopyComplete: true },
  ],
  [
    "a key has a second more than KV asks for",
    "missing",
    { source: held("1", { in: 61 }), destination: nothing, wasListed: true },
  ],
  [
    "the source has removed an expired key already",
    "expired",
    { source: nothing, destination: held("1", { in: 0 }), copied: held("1", { in: 0 }) },
  ],
  [
    "the destination has removed an expired key already",
    "expired",
    { source: held("1", { in: 0 }), destination: nothing, copied: held("1", { in: 0 }) },
  ],
  [
    "a key expires at the source, and the destination keeps it for good",
    "expiration (expiration) at both",
    { source: nothing, destination: one, copied: held("1", { in: -1 }) },
  ],
  [
    "likewise, and nothing is known of a copy",
    "expiration (expiration)",
    { source: nothing, destination: one, listed: { source: held("1", { in: -1 }), destination: one } },
  ],
  [
    "a key expires at the destination, and the source keeps it for good",
    "expiration (expiration)",
    { source: one, destination: nothing, listed: { source: one, destination: held("1", { in: -1 }) } },
  ],
])("%s: %s", (_, expected, given) => {
  expect(classify(given)).toBe(expected);
});
