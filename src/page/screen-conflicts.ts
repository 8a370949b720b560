// All conflicts, of one mapping or of all: those that wait for a person, and those that were kept as copies.

import { count } from "../core/counted.ts";
import { ask } from "./ask.ts";
import type { App, Screen } from "./app.ts";
import { conflictList } from "./conflict-list.ts";
import type { ConflictList } from "./contract.ts";
import { h } from "./dom.ts";
import { openLoaded } from "./loaded.ts";
import { link, loadedNote } from "./parts.ts";
import { hrefOf, type Route } from "./route.ts";
import { name } from "./words.ts";

const SHOWN_MAX = 500;

export function openConflictsScreen(app: App, opened: Route): Screen {
  let mapping = opened.query["mapping"];
  const conflicts = openLoaded<ConflictList>(app);
  let seen = "";
  const load = (): void => conflicts.load(() => ask("conflicts", { mapping }));
  const follow = (): void => {
    const now = JSON.stringify(app.status?.mappings.map((one) => [one.conflicts, one.lastRound?.startedAt]));
    if (now !== seen) load();
    seen = now;
  };
  follow();
  return {
    title: "Conflicts",
    draw() {
      const { conflicts: found, more } = conflicts.value ?? { conflicts: [], more: 0 };
      const rest = more + Math.max(0, found.length - SHOWN_MAX);
      return [
        h("h1", null, mapping === undefined ? "Conflicts" : ["Conflicts of ", name(mapping)]),
        mapping === undefined ? null : h("p", null, link(hrefOf("conflicts"), "Of all mappings")),
        loadedNote(conflicts, load),
        conflicts.value !== undefined && found.length === 0
          ? h("p", null, "There are none: no key was changed at both sides and waits.")
          : null,
        conflictList(found.slice(0, SHOWN_MAX), true),
        rest > 0 ? h("p", { class: "quiet" }, `and ${count(rest)} more: they are shown as these are resolved`) : null,
      ];
    },
    go({ query }) {
      mapping = query["mapping"];
      load();
      return true;
    },
    onStatus: follow,
  };
}
