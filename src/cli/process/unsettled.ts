// A command whose promise never settles: nothing is left that could wake it, so Node would end the process with its code
// 13 and a warning about its own syntax. That is a bug of ours, and is told as one.

import process from "node:process";

/** For a program that ends with `process.exit`: if it runs out of work before, `fail` tells the error, and returns the exit
 * code. */
export function expectToSettle(fail: (error: Error) => number): void {
  process.once("beforeExit", () => {
    process.exit(fail(new Error("the command did not end: it waits for what can no longer happen")));
  });
}
