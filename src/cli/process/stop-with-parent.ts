// A process that another Node started in its own stead (own-node.ts) ends when that one is gone: whoever killed it meant both.

import process from "node:process";

/** To be called first. Does nothing in a process that was started otherwise. */
export function stopWithParent(): void {
  if (process.channel === undefined) return;
  // It keeps nothing running by itself.
  process.channel.unref();
  process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
}
