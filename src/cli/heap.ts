// How far V8 lets its heap grow before it collects garbage, for the one command that this decides about.
//
// What a pull receives lies in memory outside of the heap, a quarter of a megabyte an answer, and V8 counts it: with a heap
// that is otherwise small it collects forty times in a pull of 100,000 values, which takes a sixth of its time. Its own
// growth is sized for servers that live long; a pull is over in seconds, and peaks 45 MB higher for this.

import { setFlagsFromString } from "node:v8";

/** To this much above what was alive at the last collection. */
const GROWTH_PERCENT = 300;

/** For the rest of the process. V8 looks at this flag whenever it has collected; it may be set at any time. */
export function growHeapFreely(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`);
}
