// One event of the daemon as a line for people: when, what it is about, what happened.

import { counted } from "../../core/counted.ts";
import { visible } from "../../core/errors.ts";
import { renderDuration } from "../../core/units.ts";
import type { FeedEvent } from "../../daemon/control/feed-event.ts";
import type { Style } from "./output.ts";
import { shownTime } from "./shown-time.ts";

export function renderEvent(event: FeedEvent, style: Style): string {
  const about = ["mapping", "backup", "account"].flatMap((noun) => {
    const name = textOf(event, noun);
    return name === undefined ? [] : [noun === "mapping" ? visible(name) : `${noun} ${visible(name)}`];
  });
  const parts = [style.dim(shownTime(event.at)), about[0] ?? "daemon", describe(event, style)];
  return parts.join("  ");
}

/** A look that changed nothing, of which there is one a minute for each mapping: told with -v alone. */
export function isRoutine(event: FeedEvent): boolean {
  switch (event.event) {
    case "started":
    case "round-began":
    case "rescan":
      return true;
    case "round-ended":
      return ["written", "removed", "failed", "held", "conflicts"].every((count) => numberOf(event, count) === 0);
    default:
      return false;
  }
}

function describe(event: FeedEvent, style: Style): string {
  const name = style.bold(event.event.replaceAll("-", " "));
  switch (event.event) {
    case "missed":
      return style.yellow(`${counted(numberOf(event, "count"), "event")} missed`);
    case "round-ended":
      return `${name}: ${describeRound(event)}`;
    case "held":
      return `${style.yellow(name)}: ${sentence([event["message"], `plan ${textOf(event, "plan") ?? ""}`])}`;
    case "failed":
    case "backup-retrying":
    case "backup-stuck":
      return `${style.red(name)}: ${sentence([event["message"], event["hint"]])}`;
    case "restored":
      return `${name} ${visible(textOf(event, "key") ?? "")}`;
    default:
      return [name, ...details(event)].join(", ");
  }
}

function describeRound(event: FeedEvent): string {
  const [written, removed] = [numberOf(event, "written"), numberOf(event, "removed")];
  const others = ["conflicts", "failed", "held", "lagging"].flatMap((noun) => {
    const count = numberOf(event, noun);
    return count === 0 ? [] : [`${count} ${noun}`];
  });
  const took = renderDuration(numberOf(event, "durationMs"));
  return [`${written} written, ${removed} removed`, ...others, took].join(", ");
}

function sentence(parts: readonly unknown[]): string {
  return parts
    .filter((part): part is string => typeof part === "string" && part !== "")
    .map(visible)
    .join("; ");
}

const KNOWN: ReadonlySet<string> = new Set(["type", "id", "at", "event", "mapping", "backup", "account"]);

/** What else the event says of itself, where that is short: of kinds that are added later, too. */
function details(event: FeedEvent): readonly string[] {
  return Object.entries(event).flatMap(([name, value]) => {
    if (KNOWN.has(name) || value === null || value === undefined) return [];
    if (Array.isArray(value) && value.every((item) => typeof item === "string"))
      return value.length === 0 ? [] : [`${name} ${value.map(visible).join(" ")}`];
    if (typeof value === "number" && name.endsWith("Ms")) return [`${name.slice(0, -2)} ${renderDuration(value)}`];
    if (typeof value === "string") return [`${name} ${visible(value)}`];
    return typeof value === "number" || typeof value === "boolean" ? [`${name} ${value}`] : [];
  });
}

function textOf(event: FeedEvent, name: string): string | undefined {
  const value = event[name];
  return typeof value === "string" ? value : undefined;
}

function numberOf(event: FeedEvent, name: string): number {
  const value = event[name];
  return typeof value === "number" ? value : 0;
}
