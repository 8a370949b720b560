// The log: JSON for programs, a line for people, priorities for the journal, and no secrets anywhere.

import { closeSync, fstatSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Secret } from "../../../src/config/secret.ts";
import { AppError } from "../../../src/core/errors.ts";
import type { LogFields } from "../../../src/daemon/report/log-fields.ts";
import { isJournalStream, type Log, type LogOptions, openLog } from "../../../src/daemon/report/log.ts";
import { FakeClock } from "../../support/fake-clock.ts";

interface Recorded {
  readonly log: Log;
  readonly text: () => string;
  /** Each line as JSON, without its priority. */
  readonly records: () => Record<string, unknown>[];
}

async function record(options: Partial<LogOptions> = {}): Promise<Recorded> {
  let text = "";
  const stream = { write: (chunk: string) => (text += chunk) };
  const clock = new FakeClock({ now: Date.parse("2027-01-15T08:00:00.123Z") });
  const log = await openLog({ clock, level: "info", stream, isTerminal: false, isJournald: false, ...options });
  return {
    log,
    text: () => text,
    records: () =>
      text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

describe("a line for programs", () => {
  it("is JSON with level, time, message and fields", async () => {
    const { log, records } = await record();
    log.info("round done", { mapping: "app-config", written: 3, missing: undefined, keys: ["a", "b"] });
    expect(records()).toEqual([
      {
        level: "info",
        time: "2027-01-15T08:00:00.123Z",
        mapping: "app-config",
        written: 3,
        keys: ["a", "b"],
        message: "round done",
      },
    ]);
  });

  it("has what its log has in common", async () => {
    const { log, records } = await record();
    const mapping = log.with({ mapping: "app-config" });
    mapping.with({ round: 7 }).warn("retrying");
    log.warn("other");
    expect(records()).toMatchObject([{ mapping: "app-config", round: 7 }, { message: "other" }]);
    expect(records()[1]).not.toHaveProperty("mapping");
  });

  it("stays one line, whatever is in it", async () => {
    const { log, text } = await record();
    log.error("a\nb", { key: "c\r\nd\u2028e" });
    expect(text().match(/\n/g)).toHaveLength(1);
  });

  it("is not written below the level", async () => {
    const { log, records } = await record({ level: "warn" });
    log.debug("1");
    log.info("2");
    log.with({ a: 1 }).info("3");
    log.warn("4");
    log.error("5");
    expect(records().map((line) => line["message"])).toEqual(["4", "5"]);
  });

  it("tells an error by code, message, hint and causes, and a bug with its trace", async () => {
    const { log, records } = await record();
    const cause = Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC", errno: -28 });
    log.error("round failed", { error: new AppError("io", "the disk is full", { hint: "make room", cause }) });
    log.error("round failed", { error: cause });
    log.error("round failed", { error: new TypeError("x is undefined") });
    const [known, system, bug] = records().map((line) => line["error"]);
    expect(known).toEqual({
      code: "io",
      message: "the disk is full",
      hint: "make room",
      cause: { code: "ENOSPC", message: "ENOSPC: no space left" },
    });
    expect(system).toEqual({ code: "ENOSPC", message: "ENOSPC: no space left" });
    expect(bug).toMatchObject({ code: "TypeError", stack: expect.stringContaining("log.test.ts") as string });
  });
});

describe("a secret", () => {
  const token = "v1.0-abcdef0123456789-abcdef";

  it("is hidden by the name of its field, at any depth", async () => {
    const { log, text } = await record();
    const nested = { headers: { Authorization: `Bearer ${token}` }, list: [{ api_token: token }] };
    log.info("request", { token, apiToken: token, "x-auth-token": token, password: token, options: nested });
    log.with({ credentials: { key: token } }).info("request");
    expect(text()).not.toContain(token);
    expect(text().match(/\[secret\]/g)?.length).toBeGreaterThanOrEqual(6);
  });

  it("is hidden by its shape in messages, values and errors", async () => {
    const { log, text } = await record();
    log.info(`sent authorization: Bearer ${token}`, {
      line: `authorization: bearer ${token}`,
      error: new Error(`refused: Basic ${token}`, { cause: new Error(`Bearer ${token}`) }),
    });
    expect(text()).not.toContain(token);
  });

  it("is hidden as a Secret", async () => {
    const { log, text } = await record();
    log.info("account", { account: { name: "prod", token: { secret: new Secret(token) } }, it: new Secret(token) });
    expect(text()).not.toContain(token);
  });

  it("is hidden on a terminal too", async () => {
    const { log, text } = await record({ isTerminal: true });
    log.info(`Bearer ${token}`, { token, error: new Error(`Bearer ${token}`) });
    expect(text()).not.toContain(token);
  });
});

describe("a line for people", () => {
  it("has time, level, mapping, message and fields", async () => {
    const { log, text } = await record({ isTerminal: true });
    log.info("round done", { mapping: "app-config", written: 3, folder: "/srv/my files" });
    expect(text()).toMatch(/^\d\d:\d\d:\d\d info {2}app-config: round done written=3 folder="\/srv\/my files"\n$/);
  });

  it("has an error's message, and its hint below", async () => {
    const { log, text } = await record({ isTerminal: true, colours: true });
    log.error("round failed", { error: new AppError("io", "the disk is full", { hint: "make room" }), retries: 2 });
    expect(text()).toContain(" \u001b[31merror\u001b[0m round failed: the disk is full retries=2\n");
    expect(text()).toMatch(/\n +hint: make room\n$/);
  });

  it("cannot rewrite the terminal", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), async (message, value) => {
        const { log, text } = await record({ isTerminal: true });
        log.info(message, { value, mapping: value });
        // oxlint-disable-next-line no-control-regex -- control characters are what this looks for
        expect(text()).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
        expect(text().match(/\n/g)).toHaveLength(1);
      }),
    );
  });
});

describe("in the journal", () => {
  it("a line begins with its priority", async () => {
    const { log, text } = await record({ isJournald: true, level: "debug" });
    log.debug("d");
    log.info("i");
    log.warn("w");
    log.error("e");
    const lines = text().trimEnd().split("\n");
    expect(lines.map((line) => line.slice(0, 4))).toEqual(["<7>{", "<6>{", "<4>{", "<3>{"]);
    expect(lines.map((line) => (JSON.parse(line.slice(3)) as LogFields)["level"])).toEqual([
      "debug",
      "info",
      "warn",
      "error",
    ]);
  });

  it("is where JOURNAL_STREAM says so of this very stream", () => {
    const folder = mkdtempSync(join(tmpdir(), "kvsync-log-"));
    const fd = openSync(join(folder, "stderr"), "w");
    try {
      const { dev, ino } = fstatSync(fd);
      expect(isJournalStream(`${dev}:${ino}`, fd)).toBe(true);
      expect(isJournalStream(`${dev}:${ino + 1}`, fd)).toBe(false);
      expect(isJournalStream("", fd)).toBe(false);
      expect(isJournalStream(undefined, fd)).toBe(false);
    } finally {
      closeSync(fd);
      rmSync(folder, { recursive: true });
    }
  });
});
