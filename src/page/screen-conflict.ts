// One conflict: both versions, how they differ, and the choice.

import { renderByteCount } from "../core/units.ts";
import { askResolve } from "./actions.ts";
import { ask } from "./ask.ts";
import type { App, Screen } from "./app.ts";
import type { ConflictSide, ConflictView, Keep } from "./contract.ts";
import { openDiffView } from "./diff-view.ts";
import { type Content, h, type Shape } from "./dom.ts";
import { openLoaded } from "./loaded.ts";
import { button, facts, link, loadedNote, loginNote } from "./parts.ts";
import { hrefOf, type Route } from "./route.ts";
import { diffValues, type ValueDiff } from "./value-diff.ts";
import { exactly, name, when } from "./words.ts";

interface Opened {
  readonly view: ConflictView;
  readonly diff: ValueDiff;
}

export function openConflictScreen(app: App, { query }: Route): Screen {
  const { mapping = "", key = "", copy } = query;
  const opened = openLoaded<Opened>(app);
  const diffView = openDiffView();
  const load = (): void =>
    opened.load(async () => {
      const view = await ask("conflict", { mapping, key, copy });
      return { view, diff: diffValues(view.localValue, view.remoteValue) };
    });
  const back = hrefOf("conflicts", { mapping });
  let mayLook = app.mayChange;
  if (mayLook) load();
  return {
    title: "Conflict",
    draw: () => [
      h("h1", null, "Conflict: ", name(key)),
      h(
        "p",
        null,
        "Of ",
        link(hrefOf("mapping", { name: mapping }), name(mapping)),
        " · ",
        link(back, "All conflicts of it"),
      ),
      app.mayChange ? loadedNote(opened, load) : loginNote("see both values and choose one"),
      opened.value === undefined ? null : drawConflict(app, opened.value, load, back),
      opened.value === undefined ? null : diffView.draw(opened.value.diff, () => app.redraw()),
    ],
    go: (next) => next.query["mapping"] === mapping && next.query["key"] === key && next.query["copy"] === copy,
    onStatus() {
      // The page learns only now that it may look.
      if (app.mayChange && !mayLook) load();
      mayLook = app.mayChange;
    },
  };
}

function drawConflict(app: App, { view }: Opened, load: () => void, back: string): Content {
  const { since, kind, newer, copy, local, remote } = view;
  const done = (): void => {
    location.hash = back;
  };
  const choices: readonly (readonly [Keep, string])[] = [
    ["local", "Keep local…"],
    ["remote", "Keep remote…"],
    ["both", "Keep both…"],
  ];
  return [
    h(
      "p",
      null,
      kind === "waiting"
        ? "Both sides changed this key, and neither was touched."
        : ["The remote version has the name; the local one was kept as ", copy === null ? "a copy" : name(copy), "."],
      since === null ? null : [" Since ", when(since), "."],
      newer === null ? null : ` The ${newer} one was changed last.`,
    ),
    h("div", { class: "halves" }, side("Local", local), side("Remote", remote)),
    h(
      "div",
      { class: "actions" },
      choices.map(([keep, label]) =>
        button(app, { label, kind: "main", press: () => askResolve(app, view, keep, done) }),
      ),
      button(app, { label: "Look again", press: load }),
    ),
  ];
}

function side(title: string, version: ConflictSide | null): Shape {
  if (version === null) return h("section", { class: "half" }, h("h2", null, title), h("p", null, "Has no value."));
  const { size, fingerprint, metadata, expiration, modifiedAt } = version;
  return h(
    "section",
    { class: "half" },
    h("h2", null, title),
    facts([
      ["Size", size === null ? "unknown" : renderByteCount(size)],
      modifiedAt !== null && ["Written", when(modifiedAt)],
      expiration !== null && ["Expires", exactly(expiration * 1000)],
      metadata !== null && metadata !== undefined && ["Metadata", name(JSON.stringify(metadata))],
      ["Fingerprint", h("code", null, fingerprint ?? "not known")],
    ]),
  );
}
