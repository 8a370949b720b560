// Where the files of the status page are: beside the bundle, or, where the sources run, in the bundle's folder.

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

export function pageFolder(): string {
  const [beside, built] = ["./page/", "../../../dist/page/"].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  return existsSync(beside!) ? beside! : built!;
}
