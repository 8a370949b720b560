// A plan that is discarded while its mapping starts anew: it is the mapping that runs now that goes without it.

import { expect, it } from "vitest";
import type { MappingLoop } from "../../../src/daemon/loop/loop-port.ts";
import { openPausing } from "../../../src/daemon/loop/pausing.ts";
import { openHolds } from "../../../src/journal/holds.ts";
import { openScratchJournal } from "../../../src/journal/journal.ts";
import { openPauses } from "../../../src/journal/pauses.ts";
import { holdOf, mappingOf } from "../../support/daemon.ts";
import { FakeClock } from "../../support/fake-clock.ts";

it("is discarded by the loop that a reload has opened meanwhile", async () => {
  const clock = new FakeClock();
  const journal = openScratchJournal();
  openHolds(journal).put(holdOf("p1", clock));
  const told: string[] = [];
  const loopOf = (name: string, pause: () => void): MappingLoop =>
    ({
      mapping: mappingOf(),
      isPaused: () => false,
      state: () => ({ hold: holdOf("p1", clock) }),
      pause: async () => pause(),
      discarded: () => told.push(name),
    }) as unknown as MappingLoop;
  const fresh = loopOf("fresh", () => {});
  let current = loopOf("old", () => {
    current = fresh;
  });
  const pausing = openPausing({
    clock,
    pauses: openPauses(journal, clock),
    loops: { all: () => [current], get: () => current, scrubOf: () => undefined },
    find: () => current,
    ready: async () => {},
    onEvent: () => {},
  });
  expect(await pausing.discard(mappingOf().name, "p1")).toBe("p1");
  expect(told).toEqual(["fresh"]);
});
