// The plan of a hold, as a person judges it: removals first, then changes, conflicts and what is new.

import { count, counted } from "../core/counted.ts";
import { renderByteCount } from "../core/units.ts";
import type { HeldPlan } from "./contract.ts";
import { type Content, h } from "./dom.ts";
import { name, prose } from "./words.ts";

type PlanLine = HeldPlan["actions"][number];
type Kind = PlanLine["kind"];

const KINDS: readonly {
  readonly kind: Kind;
  readonly more: keyof HeldPlan["more"];
  readonly title: string;
  readonly mark: string;
}[] = [
  { kind: "remove", more: "removes", title: "To remove", mark: "−" },
  { kind: "change", more: "changes", title: "To change", mark: "~" },
  { kind: "conflict", more: "conflicts", title: "Conflicts", mark: "!" },
  { kind: "add", more: "adds", title: "To add", mark: "+" },
];

/** A longer list is shut at first; removals are what is to be looked at. */
const OPEN_LINES_MAX = 20;

export function planList({ actions, more, folders }: HeldPlan): Content {
  return [
    KINDS.map(({ kind, more: rest, title, mark }) => {
      const lines = actions.filter((action) => action.kind === kind);
      const total = lines.length + more[rest];
      if (total === 0) return null;
      return h(
        "details",
        { key: kind, class: `plan ${kind}`, open: kind === "remove" || total <= OPEN_LINES_MAX },
        h("summary", null, `${title}: `, h("strong", null, counted(total, "key"))),
        h(
          "ul",
          null,
          lines.map((line) => planLine(line, mark)),
        ),
        more[rest] > 0
          ? h("p", { class: "quiet" }, `and ${counted(more[rest], "more key", "more keys")}: `, prose(folders[rest]))
          : null,
      );
    }),
  ];
}

function planLine({ side, key, bytes }: PlanLine, mark: string): Content {
  return h(
    "li",
    null,
    h("span", { class: "mark", "aria-hidden": "true" }, mark),
    name(key),
    h(
      "span",
      { class: "quiet" },
      ` ${side === "local" ? "file" : "remote"}${bytes === null ? "" : `, ${renderByteCount(bytes)}`}`,
    ),
  );
}

/** What a plan comes to, in a line. */
export function planTotals({ writes, removes }: Pick<HeldPlan, "writes" | "removes">): string {
  return `${count(removes)} to remove, ${count(writes)} to write`;
}
