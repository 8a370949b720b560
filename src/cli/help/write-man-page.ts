// `npm run man` writes dist/man/kvsync.1, or into the folder that it is given.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { systemClock } from "../../core/system-clock.ts";
import { loadAll } from "../command-entry.ts";
import { buildProgram } from "../program.ts";
import { renderManPage } from "./man-page.ts";

const [, , folder = "dist/man"] = process.argv;
const ignore = (): void => {};
const program = buildProgram(async () => {}, { out: ignore, err: ignore });
await loadAll(program);
// A build that is to be repeated byte for byte says of when it is (reproducible-builds.org/specs/source-date-epoch).
const seconds = process.env["SOURCE_DATE_EPOCH"];
const builtAt = seconds === undefined ? systemClock.now() : Number(seconds) * 1000;
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, "kvsync.1"), renderManPage(program, new Date(builtAt).toISOString().slice(0, 10)));
