// The roots of both sides of a proof. Most runs of keys are equal at both sides: such a run ends behind a key that ends a range, and
// is one hash. A run with a key that is pending is kept leaf by leaf until it is known what both sides hold of that key.
//
// A root so is of what the sides turned out to hold, and not of what a listing that lagged has shown: if all keys are equal in the
// end, the roots are, too.

import { endsRange, hashLeaves, rootOfRanges } from "../../core/content-root.ts";
import type { Key } from "../../core/key.ts";
import type { FinalLeaves, ProofScratch, RunLeaf } from "./proof-scratch.ts";

export interface RangeRoots {
  /** In strictly ascending order of key [I1]. `leaf`: of both sides; undefined: the key is pending. */
  add(key: Key, leaf: Uint8Array | undefined): void;
  /** No key follows. */
  end(): void;
}

export interface SideRoots {
  readonly source: string;
  readonly destination: string;
}

/** Ten times the usual length of a run: if its keys end no range for so long, the run is kept in parts. */
const RUN_LEAVES_MAX = 10_000;

export function openRangeRoots(scratch: Pick<ProofScratch, "addRange" | "addRun">): RangeRoots {
  let run: RunLeaf[] = [];
  let isClean = true;
  const keep = (): void => {
    if (run.length === 0) return;
    if (isClean) scratch.addRange(hashLeaves(run.map(([, leaf]) => leaf!)));
    else scratch.addRun(run);
    run = [];
  };
  return {
    add(key, leaf) {
      run.push([key, leaf]);
      if (leaf === undefined) isClean = false;
      else if (endsRange(key)) {
        keep();
        isClean = true;
        return;
      }
      if (run.length < RUN_LEAVES_MAX) return;
      isClean = false;
      keep();
    },
    end: keep,
  };
}

/** Once all pending keys are settled. */
export function rootsOf(scratch: Pick<ProofScratch, "runs">): SideRoots {
  return {
    source: rootOfRanges(rangesOf(scratch, "source")),
    destination: rootOfRanges(rangesOf(scratch, "destination")),
  };
}

function* rangesOf(scratch: Pick<ProofScratch, "runs">, side: keyof FinalLeaves): Generator<Uint8Array> {
  let range: Uint8Array[] = [];
  for (const run of scratch.runs()) {
    if (run.kind === "range") {
      // It begins behind a key that both sides hold and that ends a range.
      yield run.hash;
      continue;
    }
    const leaf = run.leaves[side];
    if (leaf === undefined) continue;
    range.push(leaf);
    if (!endsRange(run.key)) continue;
    yield hashLeaves(range);
    range = [];
  }
  if (range.length > 0) yield hashLeaves(range);
}
