// The map of old to new ids: Workers are bound to a namespace by its id, so this is what everybody needs next.

import type { MigrationFolder } from "./migration-folder.ts";
import type { MigrationRecord } from "./migration-record.ts";
import { type NewId, renderBindings } from "./wrangler-bindings.ts";

/** Files in the migration's folder. */
export const ID_FILES = { json: "ids.json", jsonc: "ids.wrangler.jsonc", toml: "ids.wrangler.toml" };

export function idMapOf({ namespaces }: Pick<MigrationRecord, "namespaces">): readonly NewId[] {
  return namespaces.flatMap(({ source, destination }) =>
    destination.id === null
      ? []
      : [{ title: source.title, from: source.id, to: destination.id, toTitle: destination.title }],
  );
}

/** As JSON, and as what is pasted into wrangler's config. */
export function writeIdMap(folder: MigrationFolder, record: MigrationRecord): void {
  const ids = idMapOf(record);
  const { jsonc, toml } = renderBindings(ids);
  folder.writeFile(ID_FILES.json, `${JSON.stringify(ids, undefined, 2)}\n`);
  folder.writeFile(ID_FILES.jsonc, jsonc);
  folder.writeFile(ID_FILES.toml, toml);
}
