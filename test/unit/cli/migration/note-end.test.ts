import process from "node:process";
import { expect, it } from "vitest";
import { noteEnd } from "../../../../src/cli/migration/end-migrate.ts";
import type { Context } from "../../../../src/cli/context.ts";
import { AppError } from "../../../../src/core/errors.ts";
import { systemClock } from "../../../../src/core/system-clock.ts";
import type { MigrationFolder } from "../../../../src/migration/migration-folder.ts";
import type { MigrationRecord } from "../../../../src/migration/migration-record.ts";

const context = {
  clock: systemClock,
  output: { note: () => undefined },
  signal: new AbortController().signal,
} as unknown as Context;
const RUN = { isAborted: false, dryRun: false };

function folderWith(record: Partial<MigrationRecord> | Error): { folder: MigrationFolder; written: MigrationRecord[] } {
  const written: MigrationRecord[] = [];
  const read = (): MigrationRecord => {
    if (record instanceof Error) throw record;
    return record as MigrationRecord;
  };
  const folder = { read, write: (one: MigrationRecord) => written.push(one), clearRequests: () => [] };
  return { folder: folder as unknown as MigrationFolder, written };
}

it("a record that cannot be read does not take the place of what ended the run", () => {
  const { folder } = folderWith(new AppError("io", "could not read migration.json"));
  expect(noteEnd(context, folder, new AppError("network", "is out of reach"), RUN)).toBeUndefined();
});

it("a failure is noted in the record of this process, and no other", () => {
  const error = new AppError("network", "is out of reach");
  const own = folderWith({ name: "own", state: "copying", pid: process.pid });
  expect(noteEnd(context, own.folder, error, RUN)).toBe("failed");
  expect(own.written).toMatchObject([{ failure: { code: "network" } }]);
  const other = folderWith({ name: "other", state: "copying", pid: process.pid + 1 });
  expect(noteEnd(context, other.folder, error, RUN)).toBeUndefined();
  expect(other.written).toEqual([]);
});

it("an abort is noted though the run had not come to a record of its own", () => {
  const { folder, written } = folderWith({ name: "early", state: "copying", pid: process.pid + 1 });
  expect(noteEnd(context, folder, new Error("aborted"), { ...RUN, isAborted: true })).toBe("aborted");
  expect(written).toMatchObject([{ state: "aborted" }]);
});
