// Conflicts as lines: which key, since when, and what each side has.

import { renderByteCount } from "../core/units.ts";
import type { ConflictLine, ConflictSide } from "./contract.ts";
import { type Content, h } from "./dom.ts";
import { link } from "./parts.ts";
import { hrefOf } from "./route.ts";
import { name, when } from "./words.ts";

export function conflictList(conflicts: readonly ConflictLine[], withMapping = false): Content {
  if (conflicts.length === 0) return null;
  return h(
    "ul",
    { class: "rows conflicts" },
    conflicts.map(({ mapping, key, copy, kind, since, local, remote }) =>
      h(
        "li",
        { key: JSON.stringify([mapping, key, copy]), class: "row" },
        h(
          "div",
          { class: "row-name" },
          h("h3", null, link(hrefOf("conflict", { mapping, key, copy: copy ?? undefined }), name(key))),
          withMapping ? h("p", { class: "route" }, name(mapping)) : null,
          copy === null ? null : h("p", { class: "route" }, "copy: ", name(copy)),
        ),
        h(
          "p",
          { class: "row-facts" },
          kind === "waiting" ? "waits for you" : "kept as a conflict copy",
          since === null ? null : [", since ", when(since)],
          `; local ${sizeOf(local)}, remote ${sizeOf(remote)}`,
        ),
      ),
    ),
  );
}

function sizeOf(side: ConflictSide | null): string {
  if (side === null) return "has none";
  return side.size === null ? "of unknown size" : renderByteCount(side.size);
}
