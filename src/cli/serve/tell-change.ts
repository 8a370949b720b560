// A line for each change that a server's clients make: who, what, when, and what became of it.

import { visible } from "../../core/errors.ts";
import type { Change, ChangeOperation } from "../../server/access/recorded-change.ts";
import type { Output } from "../render/output.ts";

export function tellChange(output: Output, change: Change): void {
  if (output.json) output.event(changeRecord(change));
  else output.report(renderChange(change));
}

/** For programs. */
export function changeRecord({ at, namespace, newTitle, isDone, ...rest }: Change): object {
  return { type: "change", at: new Date(at).toISOString(), ...rest, namespace, newTitle, done: isDone };
}

/** `2026-11-29T10:12:03.120Z ci: write "flags/beta" in dev:"app-config" (0f24...): done, from 10.0.0.7`. */
export function renderChange(change: Change): string {
  const { at, by, from, operation, account, namespace, title, newTitle, key, keys } = change;
  const isNew = operation === "namespaceCreate";
  const shownTitle = title ?? (isNew ? newTitle : undefined);
  const what = [
    VERBS[operation],
    ...(key === undefined ? [] : [JSON.stringify(key)]),
    ...(keys === undefined ? [] : [`${keys} ${keys === 1 ? "key" : "keys"}`]),
    ...(operation.startsWith("namespace") ? [] : ["in"]),
    account + (shownTitle === undefined ? "" : `:${JSON.stringify(shownTitle)}`),
    ...(namespace === undefined ? [] : [`(${namespace})`]),
    ...(newTitle === undefined || isNew ? [] : [`as ${JSON.stringify(newTitle)}`]),
  ].join(" ");
  return visible(`${new Date(at).toISOString()} ${by}: ${what}: ${resultOf(change)}, from ${from}`);
}

const VERBS: Readonly<Record<ChangeOperation, string>> = {
  write: "write",
  bulkWrite: "bulk write",
  delete: "delete",
  bulkDelete: "bulk delete",
  namespaceCreate: "create namespace",
  namespaceRename: "rename namespace",
  namespaceDelete: "delete namespace",
};

function resultOf({ isDone, status }: Change): string {
  const isSuccess = status >= 200 && status < 300;
  if (isDone) return isSuccess ? "done" : `done, but answered ${status}`;
  return isSuccess ? "nothing done" : `${status >= 500 ? "failed" : "refused"}, ${status}`;
}
