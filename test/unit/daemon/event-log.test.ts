// What of the daemon's events is worth a line in its log: what is new, and not what lasts.

import { beforeEach, describe, expect, it } from "vitest";
import type { EpochMs } from "../../../src/core/clock.ts";
import { notice, problem, type ProblemCode } from "../../../src/core/problem.ts";
import type { DaemonListener, MappingEvent } from "../../../src/daemon/daemon-event.ts";
import { logEvents } from "../../../src/daemon/report/event-log.ts";
import type { LogFields } from "../../../src/daemon/report/log-fields.ts";
import type { Log } from "../../../src/daemon/report/log.ts";
import type { WatchState } from "../../../src/mapping/status.ts";
import { holdOf, mappingOf, reportOf, standingOf } from "../../support/daemon.ts";
import { FakeClock } from "../../support/fake-clock.ts";

let lines: { readonly level: string; readonly message: string; readonly fields: LogFields }[];
let listen: DaemonListener;

beforeEach(() => {
  lines = [];
  const at =
    (level: string) =>
    (message: string, fields: LogFields = {}) =>
      void (level === "debug" || lines.push({ level, message, fields }));
  const log: Log = {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    with: () => log,
  };
  listen = logEvents(log);
});

const tell = (event: MappingEvent, name = "app"): void => listen({ ...event, mapping: mappingOf({ name }) });
const unreadable = (path: string) => problem("unreadable", path, "cannot be opened");
/** A round after which these are the files with problems. */
const round = (isFull: boolean, ...paths: readonly string[]): MappingEvent => ({
  kind: "round-ended",
  step: isFull ? "full" : "dirty",
  report: reportOf({ isFull, standing: standingOf(paths.map(unreadable)) }),
});
const told = (): string[] => lines.splice(0).map(({ message }) => message);

describe("a problem", () => {
  it("is told once for as long as it lasts, when it is over, and again when it comes back", () => {
    tell(round(true, "a", "b"));
    expect(told()).toEqual(["a: cannot be opened", "b: cannot be opened"]);
    tell(round(true, "a", "b"));
    expect(told()).toEqual([]);
    tell(round(false, "b"));
    expect(told()).toEqual(["a is in order again"]);
    tell(round(true, "a", "b"));
    expect(told()).toEqual(["a: cannot be opened"]);
  });

  it("of a file that moves just when it is looked at is told if it lasts", () => {
    const moving = (code: ProblemCode, sinceMs: number): MappingEvent => {
      const report = reportOf({ isFull: true, durationMs: 100 });
      const since = (report.startedAt + 100 - sinceMs) as EpochMs;
      const known = [{ ...problem(code, "a", "was there when listed and is gone now"), since }];
      return { kind: "round-ended", step: "full", report: { ...report, standing: { known, more: 0 } } };
    };
    for (const code of ["vanished", "changed-while-reading"] as const) {
      tell(moving(code, 0));
      tell(moving(code, 9999));
      tell(round(true));
      expect(told()).toEqual([]);
      tell(moving(code, 10_000));
      tell(moving(code, 20_000));
      tell(round(true));
      expect(told()).toEqual(["a: was there when listed and is gone now", "a is in order again"]);
    }
    tell(moving("changed-on-disk", 0));
    expect(told()).toHaveLength(1);
  });

  it("is told line by line only while that can be read", () => {
    tell(round(true, ...Array.from({ length: 50 }, (_, i) => `f${i}`)));
    const lines = told();
    expect(lines).toHaveLength(21);
    expect(lines.at(-1)).toBe("30 more keys or files have problems");
    tell(round(true));
    expect(told().at(-1)).toBe("30 more keys or files are in order again");
  });

  it("is told of each mapping, and anew when one was started anew", () => {
    tell(round(true, "a"));
    tell(round(true, "a"), "other");
    expect(told()).toHaveLength(2);
    tell({ kind: "stopped" });
    expect(told()).toEqual(["stopped"]);
    tell(round(true, "a"));
    expect(told()).toEqual(["a: cannot be opened"]);
  });
});

it("a hold is told with what to do about it", () => {
  tell({ kind: "held", hold: holdOf("0123456789", new FakeClock()) });
  expect(lines).toEqual([
    {
      level: "warn",
      message: "held: 50 keys would be removed from a side, and 10 are allowed (max_delete)",
      fields: {
        plan: "0123456789",
        writes: 0,
        removes: 50,
        hint:
          "look with kvsync diff app; kvsync approve app --plan 0123456789 lets it run; " +
          "if that is not meant, bring back what was there, and it goes on by itself",
      },
    },
  ]);
});

describe("how a folder is watched", () => {
  it.each<readonly [WatchState, string | undefined, string | undefined]>([
    [{ kind: "watching", folders: 3, unreadable: 0, alsoPolling: undefined }, undefined, undefined],
    [
      { kind: "watching", folders: 3, unreadable: 0, alsoPolling: { everyMs: 10_000, reason: "nfs hides some" } },
      "info",
      "polling besides: nfs hides some",
    ],
    [
      {
        kind: "watching",
        folders: 3,
        unreadable: 0,
        alsoPolling: undefined,
        seenLate: { everyMs: 10_000, reason: "nfs hides some" },
      },
      "warn",
      "not told of all changes: nfs hides some",
    ],
    [
      { kind: "polling", everyMs: 10_000, reason: "watch: polling asks for it", hint: undefined },
      "info",
      "polling: watch: polling asks for it",
    ],
    [
      { kind: "polling", everyMs: 10_000, reason: "no more watches", hint: "raise it" },
      "warn",
      "polling instead of watching: no more watches",
    ],
    [
      { kind: "unwatched", everyMs: 10_000, reason: "no more watches", hint: "raise it" },
      "warn",
      "not watching: no more watches",
    ],
    [{ kind: "off", everyMs: 10_000 }, "info", "not watching: watch: off asks for it"],
  ])("is told where it is not by events alone (%#)", (state, level, message) => {
    tell({ kind: "watcher", state });
    if (level === undefined) expect(lines).toEqual([]);
    else expect(lines).toMatchObject([{ level, message, fields: { everyMs: 10_000 } }]);
  });
});

it("names that are alike are told by the round that met them first", () => {
  const told = notice("names-alike", "a", '"A" and "a" differ');
  tell({ kind: "round-ended", step: "full", report: reportOf({ newlyAlike: [told] }) });
  expect(lines).toMatchObject([
    { level: "warn", message: '"A" and "a" differ', fields: { code: "names-alike", key: "a" } },
  ]);
});
