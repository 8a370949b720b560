// `kvsync --version`, which loads nothing else.

import process from "node:process";
import { EXIT } from "../exit-code.ts";
import { stdoutFailure } from "../render/stdout-failure.ts";
import { VERSION } from "./version.ts";

/** Ends the process by itself only where stdout does not take it. */
export function tellVersion(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(EXIT.sigpipe);
    process.stderr.write(`kvsync: ${stdoutFailure(error).message}\n`);
    process.exit(EXIT.failed);
  });
  process.stdout.write(`${VERSION}\n`);
}
