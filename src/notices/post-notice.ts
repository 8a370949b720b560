// A notice to a webhook: one POST. What the receiver answers is not believed: its status is all that counts, a redirect is not followed, and
// of a body no more is read than a person would read of an error. A try is over when its time is, whatever the receiver does.

import type { NoticeTarget } from "../config/config.ts";
import { readSecret } from "../config/secret.ts";
import type { ByteCount } from "../core/clock.ts";
import { visible } from "../core/errors.ts";
import { renderDuration } from "../core/units.ts";
import { judgeNetworkError } from "../kv/network-error.ts";
import { parseProxies } from "../kv/proxies.ts";
import { parseRetryAfter } from "../kv/rate-headers.ts";
import { type HttpAnswer, openTransport } from "../kv/transport.ts";
import type { Delivery, DeliveryDeps, OutgoingNotice } from "./delivery-types.ts";
import { signNotice } from "./sign-notice.ts";

type Webhook = Extract<NoticeTarget, { readonly kind: "webhook" }>;

/** Of an answer that says no. */
const ANSWER_BYTES_MAX: ByteCount = 2048;
const ANSWER_CHARS_SHOWN = 200;

/** Throws AppError for a secret that cannot be read or a proxy that is none, and the reason of an aborted signal. */
export async function postNotice(
  name: string,
  to: Webhook,
  notice: OutgoingNotice,
  deps: DeliveryDeps,
): Promise<Delivery> {
  const { clock, env, signal } = deps;
  const url = new URL(to.url.reveal());
  const headers = headersOf(name, to, notice, deps);
  const transport = openTransport({
    clock,
    origin: url.origin,
    proxies: parseProxies(env),
    connectTimeoutMs: to.timeoutMs,
    headersTimeoutMs: to.timeoutMs,
    bodyTimeoutMs: to.timeoutMs,
    onBytesUp: () => {},
    onBytesDown: () => {},
  });
  const over = new AbortController();
  const trying = AbortSignal.any([signal, over.signal]);
  const done = new AbortController();
  const timer = clock.sleep(to.timeoutMs, done.signal).then(
    () => over.abort(new Error("the time is over")),
    () => {},
  );
  try {
    const bytes = Buffer.from(notice.body);
    const body = { byteLength: bytes.byteLength, chunks: () => [bytes] };
    const path = `${url.pathname}${url.search}`;
    const answer = await transport.send({ method: "POST", path, headers, body, signal: trying });
    return await judge(answer, to, trying);
  } catch (error) {
    signal.throwIfAborted();
    if (over.signal.aborted) return failed(`${to.host} did not answer within ${renderDuration(to.timeoutMs)}`);
    const { error: told } = judgeNetworkError(error, "send the notice", to.host) as { readonly error: Error };
    return failed(told.message);
  } finally {
    done.abort();
    await timer;
    await transport.close();
  }
}

function headersOf(
  name: string,
  { secret, headers }: Webhook,
  { id, body }: OutgoingNotice,
  { clock, readFile, version }: DeliveryDeps,
): Readonly<Record<string, string>> {
  const own: Record<string, string> = {
    "content-type": "application/json",
    "user-agent": `kvsync/${version}`,
    "idempotency-key": id,
  };
  if (secret !== undefined) {
    const noun = `the secret of the notices to "${name}"`;
    const known = readSecret(secret, noun, readFile, "secret: ${KVSYNC_WEBHOOK_SECRET}");
    own["x-kvsync-signature"] = signNotice(body, known, clock.now());
  }
  for (const [header, value] of headers) own[header] = value.reveal();
  return own;
}

async function judge(answer: HttpAnswer, { host }: Webhook, signal: AbortSignal): Promise<Delivery> {
  const { status, headers } = answer;
  if (status >= 200 && status < 300) {
    answer.body.drop();
    return { kind: "delivered" };
  }
  if (status >= 300 && status < 400) {
    answer.body.drop();
    const hint = "redirects are not followed: write the address that it means into the config";
    return { kind: "refused", reason: `${host} answered ${status}, a redirect`, hint };
  }
  const said = await readSome(answer, signal);
  const reason = `${host} answered ${status}${said === "" ? "" : `: ${said}`}`;
  if (status === 408 || status === 429 || status >= 500)
    return { kind: "failed", reason, hint: undefined, afterMs: parseRetryAfter(headers) };
  const hint = "check the address, the headers and the secret, then try it with kvsync notify test";
  return { kind: "refused", reason, hint };
}

/** The beginning of what an answer says, as one line; "" if it breaks off before that. */
async function readSome({ body }: HttpAnswer, signal: AbortSignal): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const onAbort = (): void => body.drop();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    for await (const chunk of body) {
      chunks.push(chunk);
      bytes += chunk.byteLength;
      if (bytes >= ANSWER_BYTES_MAX) break;
    }
  } catch (error) {
    // The status is what counts.
    if (!(error instanceof Error)) throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
    body.drop();
  }
  const text = Buffer.concat(chunks).toString("utf8").replace(/\s+/g, " ").trim();
  return visible(text.slice(0, ANSWER_CHARS_SHOWN));
}

function failed(reason: string): Delivery {
  return { kind: "failed", reason, hint: undefined, afterMs: undefined };
}
