// What is at the place of a key's file, also if a symbolic link leads there. Only for reading: what is written or removed is
// looked at without following a link (locate.ts), so that nothing reached by one is ever replaced.

import { type FolderHandles, isLinkInTheWay } from "../folder-handles.ts";
import type { Place } from "../key-files.ts";
import { look, type Looked } from "../locate.ts";
import { type LinkRules, lostProblem, resolveLink } from "./resolve-link.ts";

/** What to open a file by. */
export interface AtPath {
  readonly at: string;
  /** A symbolic link led there. */
  readonly isLinked: boolean;
}

export function lookThrough(rules: LinkRules, folders: FolderHandles, key: string, place: Place): Looked<AtPath> {
  const isBehindLink = rules.policy !== "skip" && isLinkInTheWay(folders.open(place.folder));
  if (!isBehindLink) {
    const looked = look(folders, key, place);
    if (looked.kind !== "found") return looked;
    if (rules.policy === "skip" || !looked.stats.isSymbolicLink())
      return { kind: "found", stats: looked.stats, at: `${looked.folder.base}/${place.name}`, isLinked: false };
  }
  const path = place.folder === "" ? place.name : `${place.folder}/${place.name}`;
  const resolved = resolveLink(rules, folders, path);
  if (resolved.kind === "found") return { kind: "found", stats: resolved.stats, at: resolved.at, isLinked: true };
  return resolved.isAbsent ? { kind: "nothing" } : { kind: "problem", problem: lostProblem(resolved, key) };
}
