import { openMemoryReplica } from "../../src/replica/memory.ts";
import { describeReplica } from "./replica-suite.ts";

describeReplica("memory", ["lookup", "fetch"], async (clock) => {
  const replica = openMemoryReplica({ clock, label: "memory" });
  return { replica, close: () => replica.close() };
});
