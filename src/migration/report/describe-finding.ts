// What is different about one key, in a sentence or two for somebody who knows KV, and nothing of kvsync.

import { renderByteCount } from "../../core/units.ts";
import type { Finding, ShownVersion } from "../proof/proof.ts";

/** Without the key. `quote`: shows metadata as a part of the text. */
export function describeFinding(finding: Finding, quote: Quote): string {
  return [whatDiffers(finding, quote), whoDid(finding), reasonOf(finding)]
    .filter((part) => part !== undefined)
    .join(" ");
}

type Quote = (text: string) => string;

function whatDiffers({ class: as, differs, source, destination }: Finding, quote: Quote): string {
  if (source !== null && destination !== null && differs.length > 0)
    return sentence(differs.map((aspect) => COMPARED[aspect](source, destination, quote)).join("; "));
  switch (as) {
    case "expired":
      return expiredSince(source ?? destination);
    case "excluded":
      return "Left out.";
    case "unreadable":
      return "Not compared.";
    case "missing":
    case "extra":
    case "value":
    case "metadata":
    case "expiration":
    case "changed-since":
      return onOneSide(source, destination);
  }
}

function onOneSide(source: ShownVersion | null, destination: ShownVersion | null): string {
  if (source !== null) return `The source holds it (${renderByteCount(source.size)}), the destination does not.`;
  if (destination === null) return "Neither side holds it now.";
  return `The destination holds it (${renderByteCount(destination.size)}), the source does not.`;
}

function expiredSince(version: ShownVersion | null): string {
  const at = version?.expiration;
  return at === null || at === undefined ? "Its time to live is over." : `Its time to live ended at ${renderTime(at)}.`;
}

type Compare = (source: ShownVersion, destination: ShownVersion, quote: Quote) => string;

const COMPARED: Readonly<Record<Finding["differs"][number], Compare>> = {
  value: (source, destination) =>
    source.size === destination.size
      ? `the value differs: ${renderByteCount(source.size)} at both sides, with other content`
      : `the value differs: ${exactBytes(source.size)} at the source, ${exactBytes(destination.size)} at the destination`,
  metadata: (source, destination, quote) =>
    `the metadata differs: ${shownMetadata(source, quote)} at the source, ${shownMetadata(destination, quote)} at the destination`,
  expiration: (source, destination) => `the expiration differs: ${comparedExpirations(source, destination)}`,
};

function exactBytes(size: number): string {
  return `${size.toLocaleString("en-US")} ${size === 1 ? "byte" : "bytes"}`;
}

const METADATA_CHARS_MAX = 200;

function shownMetadata({ metadata }: ShownVersion, quote: Quote): string {
  if (metadata === null) return "none";
  return quote(metadata.length <= METADATA_CHARS_MAX ? metadata : `${metadata.slice(0, METADATA_CHARS_MAX)}…`);
}

function comparedExpirations({ expiration: source }: ShownVersion, { expiration: destination }: ShownVersion): string {
  if (source === null) return `none at the source, ${renderTime(destination!)} at the destination`;
  if (destination === null) return `${renderTime(source)} at the source, none at the destination`;
  const seconds = Math.abs(destination - source);
  const apart = `${seconds.toLocaleString("en-US")} ${seconds === 1 ? "second" : "seconds"}`;
  return `${renderTime(source)} at the source, ${apart} ${destination > source ? "later" : "earlier"} at the destination`;
}

function whoDid({ class: as, changedAt, source, destination }: Finding): string | undefined {
  if (as === "changed-since") {
    if (source === null) return "The source deleted it after it was copied.";
    return destination === null
      ? "The source got it after the copy."
      : "The source was written after the key was copied.";
  }
  switch (changedAt) {
    case "destination":
      return destination === null
        ? "It had been copied, and was removed at the destination afterwards."
        : "The destination was changed after the key was copied; the source was not.";
    case "both":
      return "Both sides were changed after the key was copied.";
    case "source":
    case null:
      return undefined;
  }
}

function reasonOf({ class: as, reason }: Finding): string | undefined {
  if (reason === null) return undefined;
  return as === "excluded" || as === "unreadable" || as === "expired"
    ? sentence(reason)
    : `The copy said of it: ${sentence(reason)}`;
}

function sentence(text: string): string {
  const ended = /[.!?]$/.test(text) ? text : `${text}.`;
  return ended.charAt(0).toUpperCase() + ended.slice(1);
}

/** Seconds since 1970 as `2027-01-15 08:00:00 UTC`; far beyond any calendar, the number itself. */
function renderTime(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? `second ${seconds}` : renderMoment(date.toISOString());
}

/** An ISO 8601 moment for people. */
export function renderMoment(iso: string): string {
  return `${iso.slice(0, 19).replace("T", " ")} UTC`;
}
