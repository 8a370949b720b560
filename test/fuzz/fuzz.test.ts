// A few seconds of each fuzzer, with another seed each time; `npm run fuzz` runs them for longer.

import { describe, expect, it } from "vitest";
import { loadFuzzers } from "./fuzzer.ts";

const SECONDS_OF_EACH = 7;

const fuzzers = await loadFuzzers();
const seed = Date.now() % 1_000_000;

describe(`with the seed ${seed}`, () => {
  it.each([...fuzzers].map(([file, fuzzer]) => [fuzzer.name, file, fuzzer] as const))(
    "%s",
    async (_name, _file, fuzzer) => {
      const cases = await fuzzer.run({ seed, deadlineMs: Date.now() + SECONDS_OF_EACH * 1000 });
      expect(cases).toBeGreaterThan(0);
    },
  );
});
