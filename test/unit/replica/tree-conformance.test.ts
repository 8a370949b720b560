// The tree as a replica: what every replica promises, on real files.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openTreeReplica } from "../../../src/replica/tree/tree-replica.ts";
import { describeReplica } from "../../conformance/replica-suite.ts";

describeReplica("tree", ["lookup"], async (clock) => {
  const root = mkdtempSync(join(tmpdir(), "kvsync-tree-"));
  const replica = openTreeReplica({ clock, root, label: root, durable: false });
  return {
    replica,
    close: async () => {
      await replica.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
});

describeReplica("tree with portable names", ["lookup"], async (clock) => {
  const root = mkdtempSync(join(tmpdir(), "kvsync-tree-"));
  const replica = openTreeReplica({ clock, root, label: root, durable: false, names: "portable" });
  return {
    replica,
    close: async () => {
      await replica.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
});
