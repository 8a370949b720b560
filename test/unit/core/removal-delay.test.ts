// When a key that is gone is removed, as a table: `remove_after` is a minute, and it is 10:00:00.

import { expect, it } from "vitest";
import type { EpochMs, EpochSeconds } from "../../../src/core/clock.ts";
import { removalDueAt } from "../../../src/core/removal-delay.ts";

const NOW = 1_800_000_000_000;
const MINUTE = 60_000;

it.each<
  [
    situation: string,
    given: { since?: number; expiration?: number; afterMs?: number; base?: "none" },
    dueIn: number | undefined,
  ]
>([
  ["is seen to be gone for the first time", {}, MINUTE],
  ["has been gone for a while", { since: -20_000 }, 40_000],
  ["has been gone for nearly as long", { since: -MINUTE + 1 }, 1],
  ["has been gone for as long", { since: -MINUTE }, undefined],
  ["has been gone for longer", { since: -10 * MINUTE }, undefined],
  ["was seen to be gone at a time that is still to come", { since: 400 * MINUTE }, MINUTE],
  ["is removed at once, as it is unless the config says more", { afterMs: 0 }, undefined],
  ["was removed at once until now", { since: -5, afterMs: 0 }, undefined],
  ["had an expiration that is still to come", { expiration: NOW / 1000 + 3600 }, MINUTE],
  ["expired, and is not gone", { expiration: NOW / 1000 - 1 }, undefined],
  ["is about to expire", { expiration: NOW / 1000 + 10 }, undefined],
  ["was never agreed on", { base: "none" }, MINUTE],
])("a key that %s", (_, { since, expiration, afterMs = MINUTE, base }, dueIn) => {
  const agreed = base === "none" ? undefined : { expiration: expiration as EpochSeconds | undefined };
  const gone = { since: since === undefined ? undefined : ((NOW + since) as EpochMs), base: agreed };
  const dueAt = removalDueAt(gone, { afterMs, now: NOW as EpochMs });
  expect(dueAt).toBe(dueIn === undefined ? undefined : NOW + dueIn);
});
