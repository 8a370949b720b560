// What systemd is told, and when: by a systemd-notify of our own that writes it down, and by the real one.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { monotonicMicros } from "../../../src/core/system-clock.ts";
import { openLog } from "../../../src/daemon/report/log.ts";
import { openSystemdNotify, type SystemdNotify } from "../../../src/daemon/report/systemd-notify.ts";
import { FakeClock } from "../../support/fake-clock.ts";

let folder: string;
let clock: FakeClock;
let alive: boolean;
let logged: string;
let opened: SystemdNotify[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "kvsync-notify-"));
  clock = new FakeClock();
  alive = true;
  logged = "";
  opened = [];
});
afterEach(async () => {
  for (const notify of opened) await notify.close();
  rmSync(folder, { recursive: true, force: true });
});

async function open(env: Readonly<Record<string, string>>): Promise<SystemdNotify> {
  const stream = { write: (text: string) => (logged += text) };
  const log = await openLog({ clock, level: "info", stream, isTerminal: false, isJournald: false });
  const notify = openSystemdNotify({ clock, log, env, isAlive: () => alive, monotonicMicros });
  opened.push(notify);
  return notify;
}

/** Puts a program of that name in front of the real one: it writes its arguments and its socket to "sent". */
function standIn(script: string): Readonly<Record<string, string>> {
  writeFileSync(join(folder, "systemd-notify"), `#!/bin/sh\ncd '${folder}'\n${script}\n`, { mode: 0o755 });
  return { NOTIFY_SOCKET: "/some/socket", PATH: `${folder}:/usr/bin:/bin` };
}
const RECORD = 'echo "$NOTIFY_SOCKET" "$@" >> sent';
/** Whole lines only: one may just be written. */
const sent = (): string[] => {
  const file = join(folder, "sent");
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(0, -1) : [];
};
const untilSent = async (count: number): Promise<void> => {
  while (sent().length < count) await new Promise((resolve) => setImmediate(resolve));
};

describe("systemd is told", () => {
  it("nothing where it did not ask", async () => {
    const { PATH = "" } = standIn(RECORD);
    const notify = await open({ PATH, WATCHDOG_USEC: "1000000" });
    notify.ready();
    notify.status("3 mappings in step");
    notify.stopping();
    await notify.close();
    expect(sent()).toEqual([]);
    expect(clock.sleeping).toBe(0);
  });

  it("of states in order", async () => {
    const notify = await open(standIn(RECORD));
    notify.ready();
    notify.status("2 mappings in step");
    notify.reloading();
    notify.ready();
    notify.stopping();
    await notify.close();
    expect(sent().map((line) => line.replace(/\d{6,}/, "TIME"))).toEqual([
      "/some/socket READY=1",
      "/some/socket STATUS=2 mappings in step",
      "/some/socket RELOADING=1 MONOTONIC_USEC=TIME",
      "/some/socket READY=1",
      "/some/socket STOPPING=1",
    ]);
  });

  it("of what waits in one message", async () => {
    const notify = await open(standIn(RECORD));
    notify.reloading();
    notify.ready();
    notify.status("2 mappings in step");
    await notify.close();
    expect(sent()[1]).toBe("/some/socket READY=1 STATUS=2 mappings in step");
  });

  it("of its status at once, and then of the last every 10 s", async () => {
    const notify = await open(standIn(RECORD));
    notify.status("a");
    await untilSent(1);
    for (const text of ["b", "c", "d"]) notify.status(text);
    await clock.advance(9999);
    expect(sent()).toHaveLength(1);
    await clock.advance(1);
    await untilSent(2);
    notify.status("a");
    await clock.advance(60_000);
    await notify.close();
    expect(sent()).toEqual(["a", "d", "a"].map((text) => `/some/socket STATUS=${text}`));
    expect(clock.sleeping).toBe(0);
  });

  it("of a status that came back not again", async () => {
    const notify = await open(standIn(RECORD));
    for (const text of ["in step", "syncing", "in step"]) notify.status(text);
    await clock.advance(60_000);
    await notify.close();
    expect(sent()).toEqual(["/some/socket STATUS=in step"]);
  });

  it("a status of one line, however a key is named", async () => {
    const notify = await open(standIn('printf "%s\\n" "$1" > sent'));
    notify.status("writing a\nREADY=1");
    await notify.close();
    expect(sent()).toEqual(["STATUS=writing a\\x0aREADY=1"]);
  });

  it("a message at a time", async () => {
    const notify = await open(standIn(`${RECORD}; until [ -e open ]; do sleep 0.01; done`));
    notify.ready();
    notify.stopping();
    await untilSent(1);
    await clock.advance(1000);
    expect(sent()).toEqual(["/some/socket READY=1"]);
    writeFileSync(join(folder, "open"), "");
    await untilSent(2);
    await notify.close();
  });

  it("of trouble once, and the daemon goes on", async () => {
    const failing = await open(standIn("echo 'Failed to notify init system' >&2; exit 1"));
    failing.ready();
    failing.stopping();
    await failing.close();
    expect(logged.match(/Failed to notify init system/g)).toHaveLength(1);
    const missing = await open({ NOTIFY_SOCKET: "/some/socket", PATH: join(folder, "nowhere") });
    missing.ready();
    await missing.close();
    expect(logged).toContain("there is no program systemd-notify");
  });
});

describe("the watchdog is fed", () => {
  const watchdog = { WATCHDOG_USEC: "90000000", WATCHDOG_PID: String(process.pid) };

  it("three times in its time, from when the daemon is ready", async () => {
    const notify = await open({ ...standIn(RECORD), ...watchdog });
    await clock.advance(90_000);
    expect(sent()).toEqual([]);
    notify.ready();
    await untilSent(2);
    notify.ready();
    await untilSent(3);
    for (let fed = 4; fed <= 6; fed++) {
      await clock.advance(30_000);
      await untilSent(fed);
    }
    expect(sent()).toEqual([
      "/some/socket READY=1",
      "/some/socket WATCHDOG=1",
      "/some/socket READY=1",
      ...Array.from({ length: 3 }, () => "/some/socket WATCHDOG=1"),
    ]);
    await notify.close();
    expect(clock.sleeping).toBe(0);
  });

  it("only while all loops are alive", async () => {
    const notify = await open({ ...standIn(RECORD), ...watchdog });
    notify.ready();
    await untilSent(2);
    alive = false;
    await clock.advance(300_000);
    expect(logged.match(/is not fed/g)).toHaveLength(1);
    alive = true;
    await clock.advance(30_000);
    await untilSent(3);
    await notify.close();
    expect(sent()).toHaveLength(3);
  });

  it("not where systemd does not wait for it, or waits for another process", async () => {
    const env = standIn(RECORD);
    for (const more of [{}, { WATCHDOG_USEC: "0" }, { WATCHDOG_USEC: "90000000", WATCHDOG_PID: "1" }]) {
      const notify = await open({ ...env, ...more });
      notify.ready();
      await clock.advance(300_000);
      await notify.close();
    }
    expect(sent()).toEqual(Array.from({ length: 3 }, () => "/some/socket READY=1"));
  });
});

const ACTIVATE = "/usr/bin/systemd-socket-activate";
const isInstalled = existsSync("/usr/bin/systemd-notify") && existsSync(ACTIVATE);

describe.skipIf(!isInstalled)("the real systemd-notify", () => {
  let receiver: ChildProcess | undefined;
  afterEach(() => {
    receiver?.kill();
  });

  it("brings the messages to the socket", async () => {
    const socket = join(folder, "notify");
    // Binds a datagram socket and, when the first message is there, hands it to a program that reads one from it.
    const script = `{ dd bs=4096 count=1 <&3 2>/dev/null; echo; } > '${folder}/sent'`;
    receiver = spawn(ACTIVATE, ["--datagram", `--listen=${socket}`, "sh", "-c", script], {
      stdio: "ignore",
    });
    while (!existsSync(socket)) await new Promise((resolve) => setImmediate(resolve));
    const notify = await open({ NOTIFY_SOCKET: socket, PATH: "/usr/bin:/bin" });
    notify.status("2 mappings in step, 900 requests left");
    await untilSent(1);
    expect(sent()).toEqual(["STATUS=2 mappings in step, 900 requests left"]);
  });
});
