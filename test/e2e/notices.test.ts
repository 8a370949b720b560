// Notices of a real daemon to a real receiver: a hold, its signature as the README tells to check it, a restart, a receiver that says no, and the end of it.

import { createHmac, timingSafeEqual } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { NoticeItem } from "../../src/notices/notice.ts";
import { records } from "../support/cli.ts";
import { DaemonFixture } from "../support/daemon-process.ts";
import { answers, type ReceivedNotice, WebhookReceiver } from "../support/webhook-receiver.ts";

const SECRET = "whsec-of-the-test";
const fixture = new DaemonFixture();
let receiver: WebhookReceiver;

beforeAll(async () => {
  receiver = await WebhookReceiver.start();
  fixture.write("hook-secret", `${SECRET}\n`);
  configure();
  fixture.writeMany(20);
});

afterAll(async () => {
  await fixture.close();
  await receiver.close();
});

function configure(...more: readonly string[]): void {
  fixture.config(
    "mappings: { app: { account: local, mode: push, create: true }, other: { account: local, mode: push, create: true } }",
    "notify:",
    `  - { name: chat, webhook: "${receiver.url}", secret_file: ./hook-secret, gather: 0s, failing_after: 1s }`,
    "  - { name: log, run: [sh, -c, 'cat >> ../seen.ndjson; echo $KVSYNC_COUNT >> ../counts'], on: [held], gather: 0s }".replaceAll(
      "../",
      "./",
    ),
    ...more,
  );
}

/** As the README shows it. */
function isGenuine({ headers, body }: ReceivedNotice): boolean {
  const [, time = "", signature = ""] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers["x-kvsync-signature"])) ?? [];
  const expected = createHmac("sha256", SECRET).update(`${time}.${body}`).digest();
  const isFresh = Math.abs(Date.now() / 1000 - Number(time)) < 300;
  return isFresh && signature !== "" && timingSafeEqual(Buffer.from(signature, "hex"), expected);
}

const told = (): readonly string[] =>
  receiver
    .notices()
    .flatMap((notice) => notice["items"] as readonly NoticeItem[])
    .map(({ event, mapping, was }) =>
      [event, was, mapping].filter((word) => word !== undefined && word !== null).join(" "),
    );

describe("notices", () => {
  it("can be tried out, without a daemon", async () => {
    const run = await fixture.run("notify", "test", "chat");
    expect(run).toMatchObject({ code: 0, stdout: expect.stringMatching(/^chat: delivered, in \d+/) });
    expect(receiver.received).toHaveLength(1);
    expect(isGenuine(receiver.received[0]!)).toBe(true);
    expect(told()).toEqual(["test"]);
    receiver.answer(answers.status(403, "who are you"));
    const refused = await fixture.run("notify", "test", "chat", "--json");
    expect(refused.code).toBe(1);
    expect(records(refused.stdout)).toMatchObject([
      { type: "notice", target: "chat", delivered: false, reason: expect.stringContaining("403: who are you") },
      { type: "summary", command: "notify test", sent: 0, failed: 1 },
    ]);
    expect(await fixture.run("notify", "test", "chatt")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("it has chat, log"),
    });
    receiver.answer(answers.well);
    receiver.received.length = 0;
  });

  it("tell of a mapping that fails and of one that is held, once, also over a restart", async () => {
    fixture.write("kv/other/x", "1");
    await fixture.start("--health", "0");
    fixture.remove("kv/other");
    await fixture.atOnce("app", () => fixture.remove(...Array.from({ length: 20 }, (_, i) => `kv/app/k${i}`)));
    await fixture.until(() => told().includes("held app") && told().includes("failing other"), 20_000);
    expect(receiver.received.every(isGenuine)).toBe(true);
    await fixture.until(() => fixture.has("seen.ndjson") && fixture.has("counts"));
    expect(records(fixture.read("seen.ndjson"))).toMatchObject([{ type: "kvsync.notice", items: [{ event: "held" }] }]);
    expect(fixture.read("counts")).toBe("1\n");
    const [url] = /http:\/\/127\.0\.0\.1:\d+(?=\/health)/.exec(fixture.out + fixture.err) ?? [];
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toMatch(/^kvsync_notices_sent_total\{target="chat"\} [12]$/m);
    expect(metrics).toMatch(/^kvsync_notices_undelivered_seconds\{target="chat"\} 0$/m);
    const before = told();
    expect(await fixture.stop()).toMatchObject({ code: 0 });
    await fixture.start("--json");
    await fixture.until(async () => (await fixture.stateOf("app")) === "hold");
    expect(told()).toEqual(before);
  });

  it("that do not arrive are told by the status and by doctor, and keep nobody", async () => {
    receiver.answer(answers.status(500, "down"));
    configure('  - { name: gone, webhook: "http://127.0.0.1:1/", gather: 0s }');
    expect(await fixture.run("reload")).toMatchObject({ code: 0 });
    await fixture.until(async () =>
      (await fixture.run("status")).stdout.includes("notices to gone: the last one could not be delivered"),
    );
    const summary = records((await fixture.run("status", "--json")).stdout).find(({ type }) => type === "summary");
    expect(summary?.["notices"]).toMatchObject([
      { target: "chat", undelivered: null },
      { target: "log" },
      { target: "gone", sent: 0, undelivered: { isTriedAgain: true } },
    ]);
    fixture.write("kv/other/x", "1");
    await fixture.until(async () => (await fixture.stateOf("other")) === "in-step");
    const doctor = await fixture.run("doctor");
    expect(doctor.stdout).toContain("notices to gone: the last one could not be delivered");
    expect(doctor.stdout).toContain("notices to chat: go to 127.0.0.1");
    expect(doctor.stdout + fixture.err + fixture.out).not.toContain(SECRET);
  });

  it("tell of the end, when the held plan was let run and the folder is back", async () => {
    receiver.answer(answers.well);
    expect(await fixture.run("approve", "app")).toMatchObject({ code: 0 });
    await fixture.until(
      () => told().includes("recovered held app") && told().includes("recovered failing other"),
      20_000,
    );
    expect(told().filter((line) => line.startsWith("held"))).toEqual(["held app"]);
    expect(await fixture.stop()).toMatchObject({ code: 0 });
  });
});
