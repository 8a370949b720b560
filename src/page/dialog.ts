// Questions before something is done that cannot be taken back, or that needs more words: a modal dialog, which Esc leaves. What fails is said
// in it, and it stays.

import { noticeOf } from "./app.ts";
import { type Content, draw, h } from "./dom.ts";
import { problemBox } from "./parts.ts";
import { tellTimes } from "./words.ts";

export interface Question {
  readonly title: string;
  readonly body: Content;
  readonly confirm: string;
  readonly kind: "main" | "danger";
  /** Does it; `form` has what was filled in. What it throws is told in the dialog. */
  readonly run: (form: FormData) => Promise<void>;
}

/** What a form has in a field. */
export function filledIn(form: FormData, field: string): string {
  const value = form.get(field);
  return typeof value === "string" ? value : "";
}

/** A question is about what was shown when it was asked. */
export function closeDialogs(): void {
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
}

let count = 0;

export function openDialog({ title, body, confirm, kind, run }: Question): void {
  const dialog = document.createElement("dialog");
  const id = `dialog-${++count}`;
  dialog.setAttribute("aria-labelledby", id);
  let isBusy = false;
  let problem: unknown;

  const redraw = (): void => {
    draw(
      dialog,
      h(
        "form",
        { on: { submit: (event) => void submit(event) } },
        h("h2", { id }, title),
        h("div", { class: "dialog-body" }, body),
        problem === undefined ? null : problemBox(noticeOf(problem)),
        h(
          "div",
          { class: "actions" },
          h("button", { type: "button", on: { click: () => dialog.close() } }, "Cancel"),
          h(
            "button",
            { type: "submit", class: kind, "aria-disabled": isBusy ? "true" : undefined },
            isBusy ? "Working…" : confirm,
          ),
        ),
      ),
    );
    tellTimes(dialog);
  };
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (isBusy) return;
    isBusy = true;
    problem = undefined;
    redraw();
    try {
      await run(new FormData(event.target as HTMLFormElement));
      dialog.close();
    } catch (error) {
      problem = error;
      isBusy = false;
      redraw();
    }
  };
  // The browser gives the focus back to what had it.
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  redraw();
  dialog.showModal();
}
