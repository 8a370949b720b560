import { expect, it } from "vitest";
import { operationErrorOf } from "../../../src/journal/operation-error.ts";

const sqlite = (errcode: number, message: string): Error =>
  Object.assign(new Error(message), { code: "ERR_SQLITE_ERROR", errcode });

it.each([
  ["a full disk", sqlite(13, "database or disk is full"), "disk-full"],
  // SQLITE_IOERR_SHMSIZE: what opening a journal on a disk without room fails with.
  ["no room for what is shared beside the journal", sqlite(4874, "disk I/O error"), "disk-full"],
  ["a disk that cannot be read", sqlite(266, "disk I/O error"), "io"],
  ["a damaged journal", sqlite(11, "database disk image is malformed"), "state-damaged"],
])("of SQLite, %s is told as what it is", (_, error, code) => {
  expect(operationErrorOf(error)).toMatchObject({ code, cause: error });
});

it("a bug is none", () => {
  expect(operationErrorOf(new TypeError("undefined is not a function"))).toBeUndefined();
});
