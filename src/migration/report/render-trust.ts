// Why to trust a report: how the two sides were compared, and what the comparison does not show. Each sentence is there only if it is
// true of this comparison.

import { renderDuration } from "../../core/units.ts";
import type { Evidence, NamespaceProof } from "../proof/proof.ts";
import { EVIDENCE } from "../proof/proof.ts";
import { renderMoment } from "./describe-finding.ts";
import { code, table } from "./markdown.ts";
import type { MigrationReport } from "./migration-report.ts";
import { counted, number } from "./numbers.ts";

export function renderTrust({ namespaces }: MigrationReport): string {
  const compared = namespaces.flatMap(({ source, proof }) => (proof === null ? [] : [{ title: source.title, proof }]));
  const proofs = compared.map(({ proof }) => proof);
  if (proofs.length === 0) return "";
  const parts = [
    "## Why to trust this",
    numbered([listedOnce(proofs), howValuesWereCompared(proofs), confirmedAgain(proofs), digests()]),
    table(
      ["Namespace", "Digest of the source", "Digest of the destination", "Same"],
      compared.map(({ title, proof }) => [code(title), ...digestCells(proof)]),
    ),
    "What this comparison does not show:",
    bulleted(limits(proofs)),
  ];
  return parts.join("\n\n");
}

function numbered(items: readonly string[]): string {
  return items.map((item, index) => `${index + 1}. ${item}`).join("\n");
}

function bulleted(items: readonly string[]): string {
  return items.map((item) => `- ${item}`).join("\n");
}

function listedOnce(proofs: readonly NamespaceProof[]): string {
  const from = proofs.map(({ startedAt }) => startedAt).reduce((a, b) => (a < b ? a : b));
  const to = proofs.map(({ finishedAt }) => finishedAt).reduce((a, b) => (a > b ? a : b));
  return `Every key of both sides was looked at, between ${renderMoment(from)} and ${renderMoment(to)}. Metadata and expiration of every key were compared exactly, the expiration to the second. Of metadata the property \`kvsync\` is left out: there kvsync keeps a checksum of the value, also where a key had no metadata, unless the migration was run with \`--no-stamp\`.`;
}

function howValuesWereCompared(proofs: readonly NamespaceProof[]): string {
  const by = Object.fromEntries(EVIDENCE.map((name) => [name, sum(proofs, (proof) => proof.equalBy[name])])) as Record<
    Evidence,
    number
  >;
  const sampled = sum(proofs, (proof) => proof.sampled);
  const read = by.read + by["looked-at"];
  const sample = sampled > 0 && sampled < read ? "; among them is the sample, which is taken at random" : "";
  const parts = [
    by.stamps > 0 && `${counted(by.stamps, "key")}: stored by kvsync together with the value, at both sides.`,
    by.noted > 0 &&
      `${counted(by.noted, "key")}: at the source computed by kvsync when it read the value to copy it; at the destination stored together with the value.`,
    read > 0 &&
      `${counted(read, "key")}: computed from the values, which were read for this comparison, at both sides or where no checksum was stored${sample}.`,
  ].filter((part) => part !== false);
  const how =
    "Values were compared by their SHA-256 checksums (the first 128 bits). Values that differ have different checksums. Where the checksums of the equal keys came from:";
  return [how, ...parts.map((part) => `   - ${part}`)].join("\n");
}

function confirmedAgain(proofs: readonly NamespaceProof[]): string {
  const lookedAt = sum(proofs, (proof) => proof.lookedAt);
  const late = sum(proofs, (proof) => proof.equalBy["looked-at"]);
  const rule = `Workers KV may show a change up to a minute late. So a key that looked different was read again, directly and at both sides, after ${renderWindow(proofs)}; it is called different only if these reads showed the same.`;
  if (lookedAt === 0) return `${rule} Here no key looked different.`;
  const outcome = late === 0 ? "and none of them was equal then" : `and ${number(late)} turned out to be equal`;
  return `${rule} Here ${counted(lookedAt, "key")} looked different at first, ${outcome}.`;
}

function renderWindow(proofs: readonly NamespaceProof[]): string {
  const window = Math.max(...proofs.map(({ settleWindowMs }) => settleWindowMs));
  return window % 1000 === 0 ? counted(window / 1000, "second") : renderDuration(window);
}

function digests(): string {
  return "Each side has a digest. It is computed from the names, metadata and expirations of its keys, and from the checksums of their values; keys that expired, that were left out, or that only the destination held and that stay there are not in it. If any of this differed for one key, the digests would differ.";
}

function digestCells({ root: { source, destination } }: NamespaceProof): readonly string[] {
  if (source === null || destination === null) return ["not known", "not known", "keys could not be read"];
  return [code(source), code(destination), source === destination ? "yes" : "**no**"];
}

function limits(proofs: readonly NamespaceProof[]): readonly string[] {
  const noted = sum(proofs, (proof) => proof.equalBy.noted);
  const stamped = sum(proofs, (proof) => proof.equalBy.stamps);
  const readAll = proofs.every(({ verify }) => verify === "values");
  const isSample = proofs.some(({ seed }) => seed !== null);
  const different = sum(proofs, (proof) => proof.counts.value);
  const found =
    different === 0 ? "nothing was found." : "what was found is among the different values above, if anything was.";
  const seed = proofs.find((proof) => proof.seed !== null)?.seed;
  return [
    `Writes in the last ${renderWindow(proofs)} before the comparison began, and all later ones: Workers KV may not have shown them yet.`,
    ...(noted > 0
      ? [
          `A later write at the source, of a key with the same metadata and expiration as before, if it is one of the ${number(noted)} whose value was read at the source only when it was copied. \`--verify values\` reads all values at both sides again.`,
        ]
      : []),
    ...(readAll
      ? []
      : [
          `A value that a program has replaced ${stamped > 0 ? "at either side" : "at the destination"} while it kept the checksum that kvsync had stored with it.${
            isSample
              ? ` The sample (${counted(
                  sum(proofs, (proof) => proof.sampled),
                  "key",
                )}, ${proofs[0]!.verify.replace("sample=", "")} of all, chosen by the seed ${code(seed ?? "")}) was read at both sides to look for that, and for damage of any kind: ${found}`
              : " `--verify values` would find that."
          }`,
        ]),
  ];
}

function sum(proofs: readonly NamespaceProof[], of: (proof: NamespaceProof) => number): number {
  return proofs.reduce((total, proof) => total + of(proof), 0);
}
