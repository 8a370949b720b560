// A wrapper is a replica like any other: each passes the suite of every replica.

import { expect } from "vitest";
import type { Rule } from "../../src/core/rule.ts";
import { openMemoryReplica } from "../../src/replica/memory.ts";
import { withFilter } from "../../src/replica/with-filter.ts";
import { withRules } from "../../src/replica/with-rules.ts";
import { withSeen } from "../../src/replica/with-seen.ts";
import { withoutStamps } from "../../src/replica/without-stamps.ts";
import { collect, pagesOf, writeOf } from "../support/values.ts";
import { openTestNamespace } from "./open-namespace.ts";
import { describeReplica } from "./replica-suite.ts";

describeReplica("memory with a filter that hides nothing", ["lookup", "fetch"], async (clock) => {
  const memory = openMemoryReplica({ clock, label: "memory" });
  return { replica: withFilter(memory, () => true), close: () => memory.close() };
});

/** Before, between and behind the keys of the suite. */
const HIDDEN = ["!hidden", "a/b/hidden", "bulk/hidden", "d1/hidden", "n/hidden", "~hidden"];

describeReplica("memory with a filter that hides some keys", ["lookup", "fetch"], async (clock) => {
  const memory = openMemoryReplica({ clock, label: "memory" });
  await collect(memory.write(pagesOf(HIDDEN.map((key) => writeOf(clock, key, "hidden")))));
  return {
    replica: withFilter(memory, (key) => !HIDDEN.includes(key)),
    close: async () => {
      expect(memory.keys().filter((key) => HIDDEN.includes(key))).toEqual(HIDDEN);
      await memory.close();
    },
  };
});

const NO_MATCH: Rule = { matches: () => false, ttlSeconds: 60, metadata: '{"rule":1}' };

describeReplica("memory with rules that match nothing", ["lookup", "fetch"], async (clock) => {
  const memory = openMemoryReplica({ clock, label: "memory" });
  return { replica: withRules(memory, [NO_MATCH]), close: () => memory.close() };
});

describeReplica("memory of which nothing is seen yet", ["lookup", "fetch"], async (clock) => {
  const memory = openMemoryReplica({ clock, label: "memory" });
  return { replica: withSeen(memory, new Map()), close: () => memory.close() };
});

describeReplica("a namespace without its stamps", ["fetch"], async (clock) => {
  const { replica, close } = await openTestNamespace(clock);
  return { replica: withoutStamps(replica), close };
});

describeReplica("a namespace that writes no stamps, without stamps", ["fetch"], async (clock) => {
  const { replica, close } = await openTestNamespace(clock, { stamp: false });
  return { replica: withoutStamps(replica), close };
});
