// kvsync export: all of a location in one file, with metadata and expirations.

import type { Command } from "commander";
import type { Start } from "../command-entry.ts";
import { addKeyFilterOptions, type KeyFilterOptions, parseKeyFilter } from "../input/key-filter.ts";
import { parseSplit } from "../input/split-option.ts";
import { LOCATION_FORMS } from "../../mapping/location.ts";
import { accountOfAll } from "../round/each-namespace.ts";
import { runExportAccount } from "../round/export-account.ts";
import { runExport } from "../round/run-export.ts";

interface Options extends KeyFilterOptions {
  readonly excludeDefaults: boolean;
  readonly failEmpty: boolean;
  readonly partial?: boolean;
  readonly split?: string;
}

export function define(command: Command, start: Start): void {
  command
    .argument("<source>", `${LOCATION_FORMS}; 'ACCOUNT:*' is every namespace of an account`)
    .argument(
      "<file>",
      "x.ndjson.zst, x.ndjson.gz, x.ndjson, or x.json (wrangler's); - is stdout (.ndjson). Of 'ACCOUNT:*': a folder that ends in /, or './x/*.json' with * for the titles",
    );
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
        const request = { filter, excludeDefaults, failEmpty, partial, splitBytes };
        const account = accountOfAll(source);
        if (account !== undefined) return runExportAccount(context, account, file, request);
        return runExport(context, source, file, request);
      });
    });
}
