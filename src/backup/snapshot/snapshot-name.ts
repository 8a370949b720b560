// How a snapshot is named: `REPO@latest`, `REPO@2026-11-01T12:00`, `REPO@3f2a9c41`, and with `:NAMESPACE` behind it where the repository
// has snapshots of several sources. Only the form: which snapshot that is, the repository knows.

export interface SnapshotName {
  readonly repository: string;
  /** `latest`, a time or how an id begins. */
  readonly which: string;
  /** Title, id or label of the source; undefined: there is only one. */
  readonly source: string | undefined;
}

const NAME =
  /^(.+)@(latest|\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})?)?|[0-9a-f]{4,64})(?::(.+))?$/su;

/** Undefined: `text` has not the form of one. */
export function parseSnapshotName(text: string): SnapshotName | undefined {
  const [, repository, which, source] = NAME.exec(text) ?? [];
  return repository === undefined || which === undefined ? undefined : { repository, which, source };
}
