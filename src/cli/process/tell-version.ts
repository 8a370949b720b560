// `kvsync --version`, which loads nothing else.

import process from "node:process";
import { ioError } from "../../config/read-file.ts";
import { EXIT } from "../exit-code.ts";
import { VERSION } from "./version.ts";

/** Ends the process by itself only where stdout does not take it. */
export function tellVersion(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(EXIT.sigpipe);
    process.stderr.write(`kvsync: ${ioError(error, "could not write to stdout").message}\n`);
    process.exit(EXIT.failed);
  });
  process.stdout.write(`${VERSION}\n`);
}
