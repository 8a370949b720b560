// Which namespaces of the source go where: by title, by id, or by a pattern of titles. Pure.

import { AppError, visible } from "../core/errors.ts";
import type { Namespace } from "../kv/kv-api.ts";
import { nearTitles } from "../kv/near-titles.ts";

export interface NamespacePair {
  readonly source: Namespace;
  /** The one of this title, where the destination has it. */
  readonly destination: Namespace | undefined;
  readonly title: string;
}

export interface Selection {
  /** Titles, ids or patterns with `*` and `?`; null: all. */
  readonly namespaces: readonly string[] | null;
  /** The title or id at the destination, of the only namespace; null: titles stay. */
  readonly as: string | null;
}

/** In the order of titles. Throws AppError "namespace-not-found" for what names none, "usage" for `as` with several. */
export function selectNamespaces(
  { namespaces, as }: Selection,
  source: readonly Namespace[],
  destination: readonly Namespace[],
): readonly NamespacePair[] {
  const chosen = source.filter((one) => isChosen(namespaces, one));
  for (const text of namespaces ?? []) if (!source.some((one) => fits(one, text))) throw notFound(text, source);
  if (chosen.length === 0) {
    throw new AppError("source-empty", "the source account has no namespaces", {
      hint: "check which account is meant: kvsync namespace list ACCOUNT",
    });
  }
  if (as !== null && chosen.length > 1)
    throw new AppError("usage", `"${visible(as)}" is one title, and ${chosen.length} namespaces would have it`);
  return chosen
    .toSorted((a, b) => (a.title < b.title ? -1 : 1))
    .map((one) => {
      const byTitle = destination.find(({ title }) => title === (as ?? one.title));
      const found = byTitle ?? (as === null ? undefined : destination.find(({ id }) => id === as));
      return { source: one, destination: found, title: found?.title ?? as ?? one.title };
    });
}

export function isChosen(namespaces: Selection["namespaces"], one: Namespace): boolean {
  return namespaces === null || namespaces.some((text) => fits(one, text));
}

function fits({ id, title }: Namespace, text: string): boolean {
  if (title === text || id === text) return true;
  if (!/[*?]/.test(text)) return false;
  const pattern = text
    .replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${pattern}$`, "su").test(title);
}

function notFound(text: string, source: readonly Namespace[]): AppError {
  const near = nearTitles(
    text,
    source.map(({ title }) => title),
  ).map((title) => `"${visible(title)}"`);
  return new AppError("namespace-not-found", `the source has no namespace "${visible(text)}"`, {
    hint:
      near.length > 0 ? `did you mean ${near.join(" or ")}?` : "kvsync namespace list ACCOUNT shows which there are",
  });
}
