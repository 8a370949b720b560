// Text of others, such as keys and titles, as Markdown shows it: as it is, whatever characters it has.

import { visible } from "../../core/errors.ts";

/** A code span. Control characters are made visible. */
export function code(text: string): string {
  const shown = visible(text);
  const longest = Math.max(0, ...[...shown.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  const pad = shown.startsWith("`") || shown.endsWith("`") || shown === "" ? " " : "";
  return `${fence}${pad}${shown}${pad}${fence}`;
}

/** A table; cells may be of any Markdown that stands in a line. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [tableRow(head), tableRow(head.map(() => "---")), ...rows.map(tableRow)].join("\n");
}

function tableRow(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

/** Plain text, so that nothing in it is taken for Markdown. */
export function plain(text: string): string {
  return visible(text).replace(/[\\`*_{}[\]<>#|~]/g, String.raw`\$&`);
}
