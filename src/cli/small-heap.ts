// A process that stays for months beside others keeps its heap small rather than its garbage long: V8 lets a heap grow for
// as long as the machine has memory to spare. Measured over 100,000 files: 160 MB at the most instead of 340 to 440,
// and 120 instead of 330 afterwards; a look at all of them takes 1.5 s instead of 0.8.

import { setFlagsFromString } from "node:v8";

/** To be called once, before there is much on the heap. The flag only chooses when V8 collects and how far it grows. */
export function keepHeapSmall(): void {
  setFlagsFromString("--optimize-for-size");
}
