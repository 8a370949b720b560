// How far V8 lets its heap grow before it collects garbage: not far, but for the one command that this decides about.
//
// What a pull receives lies in memory outside of the heap, a quarter of a megabyte an answer, and V8 counts it: with a heap
// that is otherwise small it collects forty times in a pull of 100,000 values, which takes a sixth of its time. And what it
// holds lives just long enough to be copied by a young generation of 8 MB; with 16 it takes 6 % less of the processor. Its
// own growth is sized for servers that live long; a pull is over in seconds, and peaks 50 MB higher for this.
//
// V8 looks at these flags whenever it has collected; they may be set at any time. (Given in main.ts's first line a growth
// factor of 1 is not heeded.)

import { setFlagsFromString } from "node:v8";

/** To this much above what was alive at the last collection. */
const GROWTH_PERCENT = 300;

/** The young generation stays at the size that it starts with, rather than double up to its maximum. */
export function keepYoungGeneration(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
}

/** For the rest of the process. */
export function growHeapFreely(): void {
  setFlagsFromString("--semi-space-growth-factor=2");
  setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`);
}
