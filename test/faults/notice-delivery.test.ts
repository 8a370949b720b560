// One try to deliver a notice, to receivers and programs that are bad in each way that they can be: it ends in time, reads little, and says what went wrong.

import { createHmac } from "node:crypto";
import { createServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config/load-config.ts";
import { systemClock } from "../../src/core/system-clock.ts";
import { deliverNotice } from "../../src/notices/deliver-notice.ts";
import type { Delivery } from "../../src/notices/delivery-types.ts";
import { answers, WebhookReceiver } from "../support/webhook-receiver.ts";

let receiver: WebhookReceiver | undefined;

afterEach(async () => {
  await receiver?.close();
  receiver = undefined;
});

const BODY = '{"type":"kvsync.notice","text":"ä"}';

function deliver(
  entry: string,
  {
    env = {},
    files = {},
    signal = new AbortController().signal,
    programEnv = () => ({ PATH: process.env["PATH"] ?? "" }),
  }: Partial<{
    readonly programEnv: () => Readonly<Record<string, string>>;
    readonly env: Readonly<Record<string, string>>;
    readonly files: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
  }> = {},
): Promise<Delivery> {
  const text = `notify:\n  - ${entry}\n`;
  const config = loadConfig({ path: "/p/kvsync.yaml", cwd: "/p", env, readFile: () => text });
  return deliverNotice(
    config.notify[0]!,
    { id: "0123456789abcdef", body: BODY, items: 3 },
    {
      clock: systemClock,
      env,
      programEnv,
      folder: "/",
      readFile: (path) => files[path],
      version: "1.2.3",
      signal,
    },
  );
}

const toReceiver = (more = "", timeout = "20s"): string =>
  `{ webhook: "${receiver!.url}", timeout: ${timeout}${more} }`;

describe("a webhook", () => {
  it("gets one POST with the message, its id, and a signature that the secret proves", async () => {
    receiver = await WebhookReceiver.start();
    const entry = toReceiver(", secret_file: hook-secret, headers: { X-Team: kv }");
    expect(await deliver(entry, { files: { "/p/hook-secret": "s3cret-of-the-hook\n" } })).toEqual({
      kind: "delivered",
    });
    expect(receiver.received).toHaveLength(1);
    const { path, headers, body } = receiver.received[0]!;
    expect([path, body]).toEqual(["/hooks/kvsync?room=1", BODY]);
    expect(headers).toMatchObject({
      "content-type": "application/json",
      "idempotency-key": "0123456789abcdef",
      "user-agent": "kvsync/1.2.3",
      "x-team": "kv",
    });
    const [, seconds, hex] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers["x-kvsync-signature"])) ?? [];
    expect(hex).toBe(createHmac("sha256", "s3cret-of-the-hook").update(`${seconds}.${BODY}`).digest("hex"));
    expect(Math.abs(Number(seconds) - Date.now() / 1000)).toBeLessThan(60);
  });

  it("without a secret gets no signature", async () => {
    receiver = await WebhookReceiver.start();
    await deliver(toReceiver());
    expect(receiver.received[0]!.headers).not.toHaveProperty("x-kvsync-signature");
  });

  it("that answers 200 and then drips for ever has got it", async () => {
    receiver = await WebhookReceiver.start(answers.drip);
    expect(await deliver(toReceiver())).toEqual({ kind: "delivered" });
  });

  it("that answers an error of 100 MB is not read to its end", async () => {
    receiver = await WebhookReceiver.start(answers.flood);
    const outcome = await deliver(toReceiver());
    expect(outcome).toMatchObject({ kind: "refused", reason: expect.stringMatching(/answered 400: x{200}$/) });
    await expect.poll(() => receiver!.bytesSent).toBeGreaterThan(0);
    expect(receiver.bytesSent).toBeLessThan(20_000_000);
  });

  it.each([408, 429, 500, 502, 503])("that answers %i is asked again", async (status) => {
    receiver = await WebhookReceiver.start(answers.status(status, "not\nnow"));
    expect(await deliver(toReceiver())).toMatchObject({
      kind: "failed",
      reason: expect.stringMatching(new RegExp(`^127\\.0\\.0\\.1:\\d+ answered ${status}: not now$`)),
    });
  });

  it("that says when to come back is believed so far", async () => {
    receiver = await WebhookReceiver.start(answers.status(429, "", { "retry-after": "120" }));
    expect(await deliver(toReceiver())).toMatchObject({ kind: "failed", afterMs: 120_000 });
  });

  it.each([400, 401, 404, 410, 413])("that answers %i is not asked again", async (status) => {
    receiver = await WebhookReceiver.start(answers.status(status));
    expect(await deliver(toReceiver())).toMatchObject({
      kind: "refused",
      hint: expect.stringContaining("kvsync notify test"),
    });
  });

  it("that redirects is not followed", async () => {
    const elsewhere = await WebhookReceiver.start();
    try {
      receiver = await WebhookReceiver.start(answers.status(307, "", { location: elsewhere.url }));
      expect(await deliver(toReceiver())).toMatchObject({
        kind: "refused",
        reason: expect.stringContaining("307, a redirect"),
      });
      expect(elsewhere.received).toEqual([]);
    } finally {
      await elsewhere.close();
    }
  });

  it("that says nothing is given up in time, and asked again", async () => {
    receiver = await WebhookReceiver.start(answers.silent);
    const began = performance.now();
    expect(await deliver(toReceiver("", "300ms"))).toMatchObject({
      kind: "failed",
      reason: expect.stringContaining("did not answer within 300ms"),
    });
    expect(performance.now() - began).toBeLessThan(5000);
  });

  it("that breaks off, at once or half way, is asked again", async () => {
    receiver = await WebhookReceiver.start(answers.closes, answers.halfWay);
    expect(await deliver(toReceiver())).toMatchObject({ kind: "failed", reason: expect.stringContaining("closed") });
    expect(await deliver(toReceiver())).toMatchObject({
      kind: "failed",
      reason: expect.stringContaining("answered 503"),
    });
  });

  it("that is no HTTP server, or not there, is asked again", async () => {
    const server = createServer((socket) =>
      socket
        .on("error", () => {})
        .resume()
        .end("220 smtp.example ESMTP\r\n"),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { readonly port: number };
    const entry = `{ webhook: "http://127.0.0.1:${port}/", timeout: 300ms }`;
    expect(await deliver(entry)).toMatchObject({ kind: "failed" });
    await new Promise((resolve) => server.close(resolve));
    expect(await deliver(entry)).toMatchObject({ kind: "failed", reason: expect.stringContaining("refused") });
  });

  it("whose secret cannot be read is asked again later, and the message says which file", async () => {
    receiver = await WebhookReceiver.start();
    expect(await deliver(toReceiver(", secret_file: nowhere"))).toMatchObject({
      kind: "failed",
      reason: expect.stringContaining("/p/nowhere, which does not exist"),
      hint: expect.stringContaining("write it into /p/nowhere"),
    });
    expect(receiver.received).toEqual([]);
  });

  it("behind a proxy is reached through it", async () => {
    receiver = await WebhookReceiver.start();
    const env = { HTTP_PROXY: "http://127.0.0.1:1" };
    expect(await deliver(toReceiver(), { env })).toMatchObject({
      kind: "failed",
      reason: expect.stringContaining("refused"),
    });
    expect(await deliver(toReceiver(), { env: { ...env, NO_PROXY: "127.0.0.1" } })).toEqual({ kind: "delivered" });
  });

  it("is let go of when kvsync stops", async () => {
    receiver = await WebhookReceiver.start(answers.silent);
    const stopping = new AbortController();
    const trying = deliver(`{ webhook: "${receiver.url}" }`, { signal: stopping.signal });
    await expect.poll(() => receiver!.received.length).toBe(1);
    stopping.abort(new Error("stopping"));
    await expect(trying).rejects.toThrow("stopping");
  });
});

describe("a program", () => {
  it("that a bug keeps from being started is no try that failed: the bug is told", async () => {
    const bug = new TypeError("env is not iterable");
    const programEnv = (): never => {
      throw bug;
    };
    await expect(deliver("{ run: [cat] }", { programEnv })).rejects.toBe(bug);
  });

  it("gets the message on stdin, and what it is about in its environment", async () => {
    const script = `test "$(cat)" = '${BODY}' -a "$KVSYNC_NOTICE $KVSYNC_COUNT $KVSYNC_EVENT" = "0123456789abcdef 3 notice"`;
    expect(await deliver(JSON.stringify({ run: ["sh", "-c", script] }))).toEqual({ kind: "delivered" });
  });

  it.each([
    [
      "fails",
      "30s",
      ["sh", "-c", "echo no such pager >&2; exit 3"],
      "the program ended with exit code 3: no such pager",
    ],
    ["is not there", "30s", ["/nowhere/page-me"], 'the program cannot start: there is no program "/nowhere/page-me"'],
    ["takes too long", "200ms", ["sleep", "20"], "the program took longer than 200ms and was ended"],
  ])("that %s is run again", async (_, timeout, run, reason) => {
    expect(await deliver(JSON.stringify({ run, timeout }))).toMatchObject({ kind: "failed", reason });
  });
});
