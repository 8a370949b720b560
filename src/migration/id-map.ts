// The map of old to new ids: Workers are bound to a namespace by its id, so this is what everybody needs next.

import type { MigrationFolder } from "./migration-folder.ts";
import type { MigrationRecord } from "./migration-record.ts";

export interface NewId {
  /** At the source. */
  readonly title: string;
  readonly from: string;
  readonly to: string;
  /** At the destination. */
  readonly toTitle: string;
}

const FILE = "ids.json";

export function idMapOf({ namespaces }: Pick<MigrationRecord, "namespaces">): readonly NewId[] {
  return namespaces.flatMap(({ source, destination }) =>
    destination.id === null
      ? []
      : [{ title: source.title, from: source.id, to: destination.id, toTitle: destination.title }],
  );
}

export function writeIdMap(folder: MigrationFolder, record: MigrationRecord): void {
  folder.writeFile(FILE, `${JSON.stringify(idMapOf(record), undefined, 2)}\n`);
}
