// A notice as people read it in a chat: what it is about in the first line, and a line for each thing below. Mappings that fail alike are one line.

import type { EpochMs } from "../core/clock.ts";
import { count } from "../core/counted.ts";
import { visible } from "../core/errors.ts";
import { renderDuration } from "../core/units.ts";
import type { NoticeItem } from "./notice.ts";

const ITEM_LINES_MAX = 40;
const NAMES_MAX = 5;

/** In this order they are told. */
const TITLES = [
  ["held", "on hold"],
  ["conflict", "with conflicts"],
  ["failing", "failing"],
  ["backup-old", "too old"],
  ["recovered", "in order again"],
  ["test", "test"],
] as const;

export function renderNotice(
  items: readonly NoticeItem[],
  { at, host }: { readonly at: EpochMs; readonly host: string },
): string {
  const parts = TITLES.flatMap(([event, title]) => {
    const amount = items.filter((item) => item.event === event).length;
    return amount === 0 ? [] : [event === "test" ? "a test" : `${count(amount)} ${title}`];
  });
  const lines = TITLES.flatMap(([event]) =>
    linesOf(
      items.filter((item) => item.event === event),
      at,
    ),
  );
  const shown = lines.slice(0, ITEM_LINES_MAX);
  if (lines.length > shown.length) shown.push(`... and ${count(lines.length - shown.length)} more: kvsync status`);
  return [`kvsync on ${visible(host)}: ${parts.join(", ")}`, ...shown.map((line) => `- ${line}`)].join("\n");
}

/** Those that say the same share a line. */
function linesOf(items: readonly NoticeItem[], at: EpochMs): readonly string[] {
  const groups = new Map<string, NoticeItem[]>();
  for (const item of items) {
    const alike = groups.get(likenessOf(item)) ?? [];
    alike.push(item);
    groups.set(likenessOf(item), alike);
  }
  return [...groups.values()].map((group) => lineOf(group, at));
}

function likenessOf({ event, message, code, was }: NoticeItem): string {
  if (event === "recovered") return JSON.stringify([event, was]);
  return JSON.stringify([event, event === "failing" ? code : message, message]);
}

function lineOf(group: readonly NoticeItem[], at: EpochMs): string {
  const first = group[0]!;
  const { event, message, hint, command, again } = first;
  const names = namesOf(group);
  const still = again && group.every((item) => item.again) ? "still " : "";
  switch (event) {
    case "held": {
      const { writes = 0, removes = 0 } = first;
      const todo = group.length === 1 ? ` (${count(writes)} to write, ${count(removes)} to remove)` : "";
      return `${names} ${isAre(group)} ${still}on hold${lasting(group, at)}: ${visible(message)}${todo}${typed(group)}`;
    }
    case "failing":
      return `${names} ${group.length === 1 ? "fails" : "fail"}${still === "" ? "" : " still"}${lasting(group, at)}: ${visible(message)} (${first.code})${hint === null ? "" : `; ${visible(hint)}`}`;
    case "conflict": {
      const keys = first.keys ?? [];
      const shown = keys.slice(0, NAMES_MAX).map((key) => visible(key));
      const more = (first.count ?? 0) - shown.length;
      const which = shown.length === 0 ? "" : `: ${shown.join(", ")}${more > 0 ? ` and ${count(more)} more` : ""}`;
      return `${names}: ${still}${visible(message)}${which}${command === null ? "" : `; ${command}`}`;
    }
    case "backup-old":
      return `${names} ${isAre(group)} ${still}too old: ${visible(message)}${command === null ? "" : `; ${command}`}`;
    case "recovered":
      return `${names}: ${first.was === "failing" && group.length > 1 ? "no longer failing" : visible(message)}`;
    case "test":
      return visible(message);
  }
}

/** `app, users and 3 more`; backups and accounts are called what they are. */
function namesOf(group: readonly NoticeItem[]): string {
  const names = group.map(({ mapping, backup, account }) =>
    mapping !== null ? mapping : backup !== null ? `backup ${backup}` : `account ${account ?? ""}`,
  );
  const shown = names.slice(0, NAMES_MAX).map((name) => visible(name));
  const more = names.length - shown.length;
  return more > 0 ? `${shown.join(", ")} and ${count(more)} more` : shown.join(", ");
}

function isAre(group: readonly NoticeItem[]): string {
  return group.length === 1 ? "is" : "are";
}

/** The longest of them. */
function lasting(group: readonly NoticeItem[], at: EpochMs): string {
  const since = group.flatMap((item) => (item.since === null ? [] : [item.since]));
  if (since.length === 0) return "";
  const longest = Math.max(0, at - Math.min(...since));
  return ` for ${renderDuration(longest)}`;
}

function typed(group: readonly NoticeItem[]): string {
  if (group.length > 1) return "; kvsync status shows their plans";
  const { mapping, command } = group[0]!;
  return command === null ? "" : `; look with kvsync diff ${mapping}, and let it run with ${command}`;
}
