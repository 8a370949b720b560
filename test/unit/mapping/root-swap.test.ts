// When a round whose folder was replaced, or is missing, begins anew, as a table.

import { expect, it } from "vitest";
import type { RootSwaps } from "../../../src/config/config.ts";
import { AppError } from "../../../src/core/errors.ts";
import { lookAgainIn } from "../../../src/mapping/root-swap.ts";
import { rootMissing, rootReplaced } from "../../../src/replica/tree/tree-root.ts";

const failed = (code: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`${code}: failed`), { code, errno: -1 });
const replaced = rootReplaced("/srv/app");
const missing = rootMissing("/srv/app", "it is gone", failed("ENOENT"));
const forbidden = rootMissing("/srv/app", "no permission", failed("EACCES"));
const network = new AppError("network", "no answer", { retryable: true });

it.each<[situation: string, error: AppError, rootSwaps: RootSwaps, looks: number, waitMs: number | undefined]>([
  ["replaced while it was looked at", replaced, "hold", 0, 50],
  ["replaced each time for a while", replaced, "hold", 3, 400],
  ["replaced each time for seconds", replaced, "allow", 9, 1000],
  ["replaced each time for longer", replaced, "allow", 10, undefined],
  ["missing, where that is an accident", missing, "hold", 0, undefined],
  ["missing, where it may be swapped", missing, "allow", 0, 50],
  ["missing for seconds", missing, "allow", 5, 1000],
  ["missing for longer", missing, "allow", 6, undefined],
  ["not to be read", forbidden, "allow", 0, undefined],
  ["something else", network, "allow", 0, undefined],
])("a folder that is %s", (_, error, rootSwaps, looks, waitMs) => {
  expect(lookAgainIn(error, { looks, rootSwaps })).toBe(waitMs);
});
