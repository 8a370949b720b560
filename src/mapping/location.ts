// Locations: what one-shot commands are told to work on. `prod:app-config/eu/` is a namespace of an account and a
// prefix in it, `./folder` a folder, `backup.ndjson.zst` an archive, `./backups@latest` a snapshot.

import { join, resolve } from "node:path";
import { AppError, visible } from "../core/errors.ts";
import { parsePrefix } from "../core/prefix.ts";
import { parseSnapshotName, type SnapshotName } from "../backup/snapshot/snapshot-name.ts";
import type { ArchiveFormat } from "../replica/archive/archive-sink.ts";

export type Location = NamespaceLocation | FolderLocation | ArchiveLocation | SnapshotLocation;

export interface SnapshotLocation extends SnapshotName {
  readonly kind: "snapshot";
}

export interface NamespaceLocation {
  readonly kind: "namespace";
  /** Undefined: a mapping of this name, or else a namespace of the only account. "wrangler": the namespace is a binding, unless
   * an account is called so. */
  readonly account: string | undefined;
  /** Title or id. */
  readonly namespace: string;
  /** What the keys begin with: what follows the first `/`, as a folder unless it ends in `*`. */
  readonly prefix: string;
}

interface FolderLocation {
  readonly kind: "folder";
  readonly path: string;
}

export interface ArchiveLocation {
  readonly kind: "archive";
  readonly path: string;
  /** `json`: pairs in wrangler's form. */
  readonly format: ArchiveFormat;
}

export interface LocationContext {
  readonly cwd: string;
  /** What `~/` stands for, where the shell left it. */
  readonly home: string | undefined;
  /** Whether `text` names a repository, and `whole`, which goes on with `@` and a time, nothing else that is there. */
  readonly isRepository: (text: string, whole: string) => boolean;
}

/** For help. */
export const LOCATION_FORMS =
  "ACCOUNT:NAMESPACE, ACCOUNT:NAMESPACE/FOLDER/, 'ACCOUNT:NAMESPACE/PREFIX*', wrangler:BINDING or wrangler:ENV:BINDING of the nearest wrangler.jsonc or wrangler.toml, a folder on disk (./x, /x), an archive (x.ndjson.zst, x.json), or a snapshot (REPO@latest, REPO@2026-11-01T12:00, REPO@ID)";

/** What is written to key by key. */
export const DESTINATION_FORMS =
  "ACCOUNT:NAMESPACE, ACCOUNT:NAMESPACE/FOLDER/, 'ACCOUNT:NAMESPACE/PREFIX*', wrangler:BINDING or wrangler:ENV:BINDING, or a folder on disk (./x, /x)";

const formats: readonly ArchiveLocation["format"][] = ["ndjson.zst", "ndjson.gz", "ndjson", "json"];

/** Throws AppError "location-invalid". What goes on behind a repository with `@` and a time is a snapshot. A path begins with `/`, `./`, `../` or `~/`; anything else with a colon is a
 * namespace; then an archive's extension makes an archive. */
export function parseLocation(text: string, context: LocationContext): Location {
  const snapshot = parseSnapshotName(text);
  if (snapshot !== undefined && context.isRepository(snapshot.repository, text))
    return { kind: "snapshot", ...snapshot };
  const isPath = /^(?:\.{1,2}|~)?(?:\/|$)/.test(text) && text !== "";
  if (!isPath && text.includes(":")) return parseNamespaceLocation(text);
  const format = formats.find((candidate) => text.endsWith(`.${candidate}`));
  if (isPath || format !== undefined) {
    const path =
      text.startsWith("~") && context.home !== undefined
        ? join(context.home, text.slice(1))
        : resolve(context.cwd, text);
    return format === undefined ? { kind: "folder", path } : { kind: "archive", path, format };
  }
  if (snapshot !== undefined) {
    const repository = visible(snapshot.repository);
    throw new AppError("location-invalid", `there is no repository "${repository}" in the config`, {
      hint: `write ./${visible(text)} for a snapshot of a repository in a folder`,
    });
  }
  throw new AppError("location-invalid", text === "" ? "a location is empty" : `"${visible(text)}" is no location`, {
    hint: `write ACCOUNT:${text || "NAMESPACE"} for a namespace, ./${text || "folder"} for a folder, or a file that ends in .ndjson, .ndjson.zst, .ndjson.gz or .json for an archive`,
  });
}

/** Whether `text` names an archive, and neither a namespace nor a folder. */
export function isArchiveName(text: string): boolean {
  const isPath = /^(?:\.{1,2}|~)?\//.test(text);
  return (isPath || !text.includes(":")) && formats.some((format) => text.endsWith(`.${format}`));
}

/** `app` of `app.ndjson.zst`; undefined: it is no name of an archive. */
export function withoutArchiveExtension(name: string): string | undefined {
  const format = formats.find((candidate) => name.endsWith(`.${candidate}`));
  return format && name.slice(0, -format.length - 1);
}

/** Whether `text` can only be a location, and not the name of a mapping. */
export function isLocation(text: string): boolean {
  return (
    text.includes(":") ||
    text.includes("/") ||
    text === "." ||
    text === ".." ||
    parseSnapshotName(text) !== undefined ||
    formats.some((format) => text.endsWith(`.${format}`))
  );
}

/** `ACCOUNT:NAMESPACE[/FOLDER/]`, `ACCOUNT:NAMESPACE/PREFIX*`, or `NAMESPACE` alone. Throws AppError "location-invalid". */
export function parseNamespaceLocation(text: string): NamespaceLocation {
  const colon = text.indexOf(":");
  const account = colon === -1 ? undefined : text.slice(0, colon);
  const rest = text.slice(colon + 1);
  const slash = rest.indexOf("/");
  const namespace = slash === -1 ? rest : rest.slice(0, slash);
  if (account === "" || namespace === "") {
    throw new AppError("location-invalid", `"${visible(text)}" names no ${account === "" ? "account" : "namespace"}`, {
      hint: "write ACCOUNT:NAMESPACE, as in prod:app-config; kvsync namespace list shows the namespaces of an account",
    });
  }
  return { kind: "namespace", account, namespace, prefix: slash === -1 ? "" : parsePrefix(rest.slice(slash + 1)) };
}
