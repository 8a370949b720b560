// kvsync export: all of a location in one file, with metadata and expirations.

import type { Command } from "commander";
import type { Start } from "../command-entry.ts";
import { addKeyFilterOptions, type KeyFilterOptions, parseKeyFilter } from "../input/key-filter.ts";
import { parseSplit } from "../input/split-option.ts";
import { LOCATION_FORMS } from "../../mapping/location.ts";
import { runExport } from "../round/run-export.ts";

interface Options extends KeyFilterOptions {
  readonly excludeDefaults: boolean;
  readonly failEmpty: boolean;
  readonly partial?: boolean;
  readonly split?: string;
}

export function define(command: Command, start: Start): void {
  command
    .argument("<source>", LOCATION_FORMS)
    .argument("<file>", "x.ndjson.zst, x.ndjson.gz, x.ndjson, or x.json (wrangler's); - is stdout (.ndjson)");
  addKeyFilterOptions(command)
    .option("--partial", "Replace a file that is there even by an archive that lacks keys")
    .option("--split <size>", "Make x-1.json, x-2.json ... of at most this size: 400MB is what wrangler can load")
    .option("--no-exclude-defaults", "Take also .git, .env, node_modules/ and editors' files of a folder")
    .option("--no-fail-empty", "An empty source is no failure (else exit code 1)")
    .action((source: string, file: string, options: Options) => {
      const { excludeDefaults, failEmpty, partial = false } = options;
      return start((context) => {
        const filter = parseKeyFilter(options);
        const splitBytes = parseSplit(options.split);
        return runExport(context, source, file, { filter, excludeDefaults, failEmpty, partial, splitBytes });
      });
    });
}
