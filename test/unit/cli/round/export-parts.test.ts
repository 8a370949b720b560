// The files of an export that is split: what they leave behind, and what of an earlier one they take away.

import { mkdtempSync, openSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { exportFailure } from "../../../../src/cli/round/export-file.ts";
import { openExportParts } from "../../../../src/cli/round/export-parts.ts";

const dir = mkdtempSync(join(tmpdir(), "kvsync-parts-"));
afterAll(() => rmSync(dir, { recursive: true }));

it("parts of an earlier export that was not complete go with a whole one", async () => {
  const write = async (count: number, end: "commit" | "keepPart"): Promise<readonly string[]> => {
    const parts = openExportParts(join(dir, "x.json"), "x.json");
    for (let part = 1; part <= count; part++) {
      if (part > 1) parts.next();
      await parts.write(Buffer.from("[]"));
    }
    parts[end]();
    parts.close();
    return readdirSync(dir).toSorted();
  };
  expect(await write(4, "keepPart")).toEqual([1, 2, 3, 4].map((part) => `x-${part}.json.part`));
  expect(await write(2, "commit")).toEqual(["x-1.json", "x-2.json"]);
});

it("a folder that is not there is told, and not a file that is to be made", () => {
  const failure = (path: string): unknown => {
    try {
      return openSync(path, "r");
    } catch (error) {
      return exportFailure(error, path);
    }
  };
  expect(failure(join(dir, "none", "x.ndjson"))).toMatchObject({
    message: `could not write ${dir}/none/x.ndjson: there is no folder ${dir}/none`,
    hint: `make it: mkdir -p ${dir}/none`,
  });
  expect(failure(join(dir, "x.ndjson"))).toMatchObject({ message: expect.stringContaining("no such file") as string });
});
