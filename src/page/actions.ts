// What a person can have done: each says what it came to. What takes something away, or is for long, is asked for twice, with the numbers.

import { count, counted } from "../core/counted.ts";
import { renderByteCount } from "../core/units.ts";
import { ask, AskError } from "./ask.ts";
import type { App } from "./app.ts";
import type { Answers, ConflictView, HeldPlan, Keep, MappingStatus, TrashItem } from "./contract.ts";
import { filledIn, openDialog } from "./dialog.ts";
import { h } from "./dom.ts";
import { shown } from "./texts.ts";
import { exactly, name, prose } from "./words.ts";

export function syncNow(app: App, mappings: readonly string[]): void {
  const subject = mappings.length === 1 ? mappings[0]! : "all";
  void app.run(`sync ${subject}`, async () => renderSync(await ask("sync", { mappings })));
}

function renderSync(answers: Answers["sync"]): string {
  const failed = answers.filter(({ error }) => error !== null);
  if (answers.length === 1) return renderOne(answers[0]!);
  const held = answers.filter(({ held }) => held !== null).length;
  const sum = (of: "written" | "removed"): number => answers.reduce((all, { round }) => all + (round?.[of] ?? 0), 0);
  const parts = [
    `${counted(answers.length, "mapping")} looked at: ${count(sum("written"))} written, ${count(sum("removed"))} removed`,
  ];
  if (held > 0) parts.push(`${count(held)} on hold`);
  if (failed.length > 0) parts.push(`${count(failed.length)} failed`);
  return parts.join(", ");
}

function renderOne({ mapping, round, held, error }: Answers["sync"][number]): string {
  if (error !== null) throw new AskError(error.code, `${mapping}: ${error.message}`, error.hint);
  if (held !== null) return `${mapping}: plan ${held} is on hold`;
  if (round === null) return `${mapping}: nothing was done`;
  const { written, removed, conflicts, failed } = round;
  const parts = [`${count(written)} written`, `${count(removed)} removed`];
  if (conflicts > 0) parts.push(counted(conflicts, "conflict"));
  if (failed > 0) parts.push(`${count(failed)} failed`);
  return `${mapping}: looked at, ${parts.join(", ")}`;
}

export function askPause(app: App, mapping: string): void {
  openDialog({
    title: `Pause ${shown(mapping)}?`,
    body: [
      h("p", null, "No round of it begins until it is resumed. A round that runs now ends first."),
      h(
        "label",
        { class: "field" },
        h("span", null, "Why, for whoever sees it later (may stay empty)"),
        h("input", { name: "reason", maxlength: 200, autocomplete: "off", autofocus: true }),
      ),
    ],
    confirm: "Pause",
    kind: "main",
    run: async (form) => {
      const reason = filledIn(form, "reason").trim();
      await ask("pause", { mappings: [mapping], reason: reason === "" ? undefined : reason });
      app.tell({ tone: "good", text: `${mapping} is paused`, hint: null });
    },
  });
}

export function resume(app: App, mapping: string): void {
  void app.run(`resume ${mapping}`, async () => {
    await ask("resume", { mappings: [mapping] });
    return `${mapping} is resumed`;
  });
}

type Held = Pick<HeldPlan, "plan" | "writes" | "removes" | "message" | "guard">;

function planNumbers({ plan, writes, removes, message }: Held): readonly ReturnType<typeof h>[] {
  return [
    h(
      "p",
      { class: "numbers" },
      `Plan `,
      h("code", null, plan),
      `: `,
      h("strong", null, `${count(removes)} to remove`),
      `, ${count(writes)} to write.`,
    ),
    h("p", null, prose(message)),
  ];
}

export function askApprove(app: App, mapping: string, held: Held): void {
  openDialog({
    title: `Approve plan ${held.plan} of ${shown(mapping)}?`,
    body: [
      ...planNumbers(held),
      h(
        "p",
        null,
        "It runs with the next round, exactly as it is shown. If anything has changed by then, it is held again.",
      ),
    ],
    confirm: `Approve ${held.plan}`,
    kind: held.removes > 0 ? "danger" : "main",
    run: async () => {
      const { plan } = await ask("approve", { mapping, plan: held.plan });
      app.tell({
        tone: "good",
        text: `${mapping}: plan ${plan} is approved, and runs unless something has changed: then it is held anew`,
        hint: null,
      });
    },
  });
}

export function askDiscard(app: App, mapping: string, held: Held): void {
  openDialog({
    title: `Discard plan ${held.plan} of ${shown(mapping)}?`,
    body: [
      ...planNumbers(held),
      h("p", null, "None of it is done, and the mapping is paused: nothing is synced until it is resumed."),
    ],
    confirm: `Discard ${held.plan}`,
    kind: "danger",
    run: async () => {
      const { plan } = await ask("discard", { mapping, plan: held.plan });
      app.tell({ tone: "good", text: `${mapping}: plan ${plan} is discarded, and the mapping is paused`, hint: null });
    },
  });
}

const KEPT: Readonly<Record<Keep, { readonly title: string; readonly confirm: string; readonly text: string }>> = {
  local: {
    title: "Keep the local version",
    confirm: "Keep local",
    text: "The local version goes to the remote. What the remote has is kept in the trash first.",
  },
  remote: {
    title: "Keep the remote version",
    confirm: "Keep remote",
    text: "The remote version is written to the folder. What the folder has is kept in the trash first.",
  },
  both: {
    title: "Keep both versions",
    confirm: "Keep both",
    text: "The remote version gets the name, and the local one stays beside it as a conflict copy, which is not synced.",
  },
};

function sizeOf(version: ConflictView["local"]): string {
  if (version === null) return "none";
  return version.size === null ? "of unknown size" : renderByteCount(version.size);
}

/** What the choice is made by: "none" where there is no value. */
function shownValue(side: ConflictView["local"]): string | undefined {
  return side === null ? "none" : (side.fingerprint ?? undefined);
}

export function askResolve(app: App, view: ConflictView, keep: Keep, done: () => void): void {
  const { mapping, key, copy, local, remote } = view;
  openDialog({
    title: `${KEPT[keep].title}?`,
    body: [
      h("p", null, name(key), " of ", name(mapping)),
      h("p", null, `Local: ${sizeOf(local)}. Remote: ${sizeOf(remote)}.`),
      h("p", null, KEPT[keep].text),
    ],
    confirm: KEPT[keep].confirm,
    kind: "main",
    run: async () => {
      const answer = await ask("resolve", {
        mapping,
        key,
        keep,
        copy: copy ?? undefined,
        local: shownValue(local),
        remote: shownValue(remote),
      });
      app.tell({ tone: "good", text: `${mapping}: ${answer.done}`, hint: null });
      done();
    },
  });
}

export function askRestore(app: App, item: TrashItem, done: () => void): void {
  openDialog({
    title: "Restore this value?",
    body: [
      h("p", null, name(item.key), " of ", name(item.mapping)),
      h("p", null, `${renderByteCount(item.size)}, kept `, exactly(item.savedAt), "."),
      h("p", null, "It is written to the mapping's folder, and goes on from there by the mapping's mode."),
      h(
        "label",
        { class: "check" },
        h("input", { type: "checkbox", name: "replace" }),
        "Replace what has this name now (it is kept in the trash first)",
      ),
    ],
    confirm: "Restore",
    kind: "main",
    run: async (form) => {
      const { file } = await ask("trash-restore", { id: item.id, replace: form.has("replace") });
      app.tell({ tone: "good", text: `restored to ${file}`, hint: null });
      done();
    },
  });
}

export function backUpNow(app: App, backup: string): void {
  void app.run(`back-up ${backup}`, async () => {
    const { begun } = await ask("back-up", { backups: [backup] });
    return begun.length === 0 ? `backup ${backup} runs already` : `backup ${backup} has begun`;
  });
}

/** What may be done to a mapping, by how it stands. */
export function isPaused({ paused }: Pick<MappingStatus, "paused">): boolean {
  return paused !== null && paused !== undefined;
}
