// How the process is launched: what malloc and V8 are told about memory, all of it. Written for old Nodes too, since own-node.ts
// uses it: plain syntax, no imports of the project.
//
// The first line of main.ts has to repeat LAUNCH, since the kernel reads it; test/architecture.test.ts holds it to this. It keeps
// memory near what is alive. V8: what is read, encoded and sent dies young, whatever its size, and a young generation that has
// its size from the start neither copies it while growing nor, unless a command lets it, grows beyond; with twice as much a push
// peaks 15 MB higher, and a round with nothing to do takes a tenth less time. 1 GB is far above what any command holds; V8 lets
// the heap grow faster the higher that is. malloc (glibc's; mallopt(3)): threads share two arenas, and what is freed goes back to
// the system. A push of 100,000 files peaks at 175 MB with all of it, at 340 without.
//
// The functions set what cannot be given there. V8 looks at these flags whenever it has collected, so they may be set at any time;
// given in the first line, a growth factor of 1 is not heeded. Node's documentation warns of setting V8's flags in a process that
// runs: those that change what V8 has built already may crash it. These only choose when it collects, and how far it grows.

import { setFlagsFromString } from "node:v8";

export const LAUNCH = {
  env: { MALLOC_ARENA_MAX: "2", MALLOC_TRIM_THRESHOLD_: "131072" },
  nodeOptions: ["--min-semi-space-size=8", "--max-semi-space-size=16", "--max-old-space-size=1024"],
} as const;

/** In each process, first: the young generation stays at the size that it starts with, rather than double up to its maximum. */
export function keepYoungGeneration(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
}

/** To this much above what was alive at the last collection. */
const GROWTH_PERCENT = 300;

/** For a pull, and for the rest of the process. What a pull receives lies in memory outside of the heap, a quarter of a megabyte an
 * answer, and V8 counts it: with a heap that is otherwise small it collects forty times in a pull of 100,000 values, which
 * takes a sixth of its time. And what it holds lives just long enough to be copied by a young generation of 8 MB; with 16 it
 * takes 6 % less of the processor. A pull peaks 50 MB higher for this, and is over in seconds. */
export function growHeapFreely(): void {
  setFlagsFromString("--semi-space-growth-factor=2");
  setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`);
}

/** For a daemon, which stays for months beside others: its heap is small rather than its garbage long. To be called once, before
 * there is much on the heap. Over 100,000 files: 165 MB at the most instead of 195, and 125 instead of 195 afterwards; a look
 * at all of them takes 1.2 s instead of 0.9.
 *
 * In a heap that is kept so small a thread that compiles runs out of room and waits for the main thread to collect. If that one is
 * about to end the process it waits for the thread in turn (nodejs/node#54918): one of a hundred processes never ended, and heeded no
 * signal but SIGKILL. So the main thread compiles by itself. */
export function keepHeapSmall(): void {
  setFlagsFromString("--optimize-for-size");
  setFlagsFromString("--no-concurrent-recompilation");
}
