// What became of every snapshot of a repository that somebody was told is complete: each is there, unless a forget was at work that may have
// removed it, and holds what its namespace held. So does each that was found and that nobody was told of.

import type { SnapshotSummary } from "../../src/backup/repository/snapshots.ts";
import type { Content } from "./kv-contents.ts";

export interface KeptSnapshot {
  readonly id: string;
  readonly title: string;
  readonly content: Content;
  /** By which forget goes. */
  readonly created: number;
}

/** What happened to the repository since the last look. */
export interface Happened {
  /** The least that a forget was to keep of each source; undefined: none was at work. */
  readonly keptByForget: number | undefined;
  /** What a namespace holds that was backed up. */
  readonly content: (title: string) => Content;
}

export interface Looked {
  /** Reported as complete, and gone. */
  readonly lost: readonly string[];
  /** Found, and nobody was told of them: who wrote them was killed. */
  readonly untold: number;
  readonly forgotten: number;
}

/** Contents by the root of their snapshot, of all repositories. */
export type KnownRoots = Map<string, Content>;

export function openKeptSnapshots(repository: string, roots: KnownRoots) {
  const kept = new Map<string, KeptSnapshot>();
  const reported = new Map<string, { readonly title: string; readonly content: Content }>();
  return {
    /** A process said that the snapshot is there. */
    report(id: string, title: string, content: Content): void {
      reported.set(id, { title, content });
    },
    /** What is known of a snapshot that was reported or found. */
    get: (id: string): { readonly title: string; readonly content: Content } | undefined =>
      reported.get(id) ?? kept.get(id),
    /** `found`: all that are there now. */
    look(found: readonly SnapshotSummary[], { keptByForget, content }: Happened): Looked {
      const complete = found.filter((snapshot) => snapshot.complete);
      const there = new Set(complete.map(({ id }) => id));
      let untold = 0;
      for (const { id, source, created, root } of complete) {
        if (kept.has(id)) continue;
        const title = source.title ?? "";
        const told = reported.get(id)?.content;
        const held = told ?? roots.get(root) ?? content(title);
        roots.set(root, held);
        kept.set(id, { id, title, content: held, created: Date.parse(created) });
        if (told === undefined) untold++;
      }
      const lost: string[] = [];
      let forgotten = 0;
      const newer = (title: string, than: number): number =>
        complete.filter(({ source, created }) => source.title === title && Date.parse(created) >= than).length;
      for (const { id, title, created } of kept.values()) {
        if (there.has(id)) continue;
        kept.delete(id);
        const mayBeForgotten = keptByForget !== undefined && newer(title, created) >= keptByForget;
        if (mayBeForgotten) forgotten++;
        else lost.push(`${repository}: snapshot ${id} of ${title} is gone`);
      }
      for (const [id, { title }] of reported) {
        // A forget beside the process may have taken it at once.
        if (there.has(id) || (keptByForget !== undefined && newer(title, 0) >= keptByForget)) continue;
        lost.push(`${repository}: snapshot ${id} was reported as complete, and is not there`);
      }
      reported.clear();
      return { lost, untold, forgotten };
    },
    all: (): readonly KeptSnapshot[] => [...kept.values()],
    /** Of each namespace. */
    newest(): readonly KeptSnapshot[] {
      const groups = Map.groupBy(kept.values(), ({ title }) => title);
      return [...groups.values()].map((group) => group.reduce((a, b) => (b.created >= a.created ? b : a)));
    },
  };
}

export type KeptSnapshots = ReturnType<typeof openKeptSnapshots>;
