// A namespace on the embedded server keeps the contract of every replica, with stamps and without.

import { openTestNamespace } from "../../conformance/open-namespace.ts";
import { describeReplica } from "../../conformance/replica-suite.ts";

describeReplica("a namespace", ["fetch"], (clock) => openTestNamespace(clock));
describeReplica("a namespace that writes no stamps", ["fetch"], (clock) => openTestNamespace(clock, { stamp: false }));
