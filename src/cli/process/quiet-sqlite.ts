// node:sqlite warned of being experimental until Node 24.15 or so; the API that is used here has not changed since.

import process from "node:process";

/** Keeps that one warning, and no other, from stderr. To be called before node:sqlite is loaded. */
export function quietSqliteWarning(): void {
  const emitWarning = process.emitWarning.bind(process) as (...args: readonly unknown[]) => void;
  process.emitWarning = (...args: readonly unknown[]): void => {
    const [warning, type] = args;
    if (type !== "ExperimentalWarning" || !String(warning).startsWith("SQLite is an experimental feature"))
      emitWarning(...args);
  };
}
