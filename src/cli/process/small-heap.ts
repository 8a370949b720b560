// A process that stays for months beside others keeps its heap small rather than its garbage long. Measured over 100,000
// files, on top of the options in the first line of main.ts: 165 MB at the most instead of 195, and 125 instead of 195
// afterwards; a look at all of them takes 1.2 s instead of 0.9.

import { setFlagsFromString } from "node:v8";

/** To be called once, before there is much on the heap. The flag only chooses when V8 collects and how far it grows. */
export function keepHeapSmall(): void {
  setFlagsFromString("--optimize-for-size");
}
