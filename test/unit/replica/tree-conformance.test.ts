// The tree as a replica: what every replica promises, on real files.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MovingFiles } from "../../../src/replica/moving-files.ts";
import { openTreeReplica } from "../../../src/replica/tree/tree-replica.ts";
import { withRest } from "../../../src/replica/with-rest.ts";
import { describeReplica } from "../../conformance/replica-suite.ts";
import { FakeClock } from "../../support/fake-clock.ts";

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

describeReplica("tree whose files are all at rest", ["lookup"], async (clock) => {
  const root = mkdtempSync(join(tmpdir(), "kvsync-tree-"));
  const tree = openTreeReplica({ clock, root, label: root, durable: false });
  const later = new FakeClock({ now: Date.now() + 3_600_000 });
  const policy = { stableAfterMs: 300, stableMaxMs: 60_000 };
  const replica = withRest(tree, { clock: later, policy, moving: new MovingFiles(later), known: () => [] });
  return {
    replica,
    close: async () => {
      await replica.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
});
