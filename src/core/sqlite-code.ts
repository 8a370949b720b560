// SQLite's result codes, as node:sqlite tells them: https://sqlite.org/rescode.html

export const BUSY = 5;
export const LOCKED = 6;
export const FULL = 13;
/** SQLITE_IOERR_SHMSIZE: there is no room for the file beside the database that those who have it open share. */
const NO_ROOM_TO_SHARE = 4874;

/** The primary code of what SQLite failed with, where a disk without room is FULL whatever lacks it; undefined: it has none, or is no error of SQLite's. */
export function sqliteCodeOf(error: unknown): number | undefined {
  const { errcode } = (error ?? {}) as { readonly errcode?: unknown };
  if (typeof errcode !== "number") return undefined;
  return errcode === NO_ROOM_TO_SHARE ? FULL : errcode & 0xff;
}
