// The other side of file-thread.ts: creates the files that it is sent, one batch after the other.

import { parentPort } from "node:worker_threads";
import { createPacked, type PackedFiles } from "./packed-files.ts";

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has none
parentPort?.on("message", (packed: PackedFiles) => parentPort?.postMessage(createPacked(packed)));
