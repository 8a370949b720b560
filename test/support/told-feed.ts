// A remote whose change feed says what a test tells it to, for loops by a clock that a test moves.

import type { ChangeEvent } from "../../src/kv/changes/change-event.ts";
import type { KvApi, NamespaceId } from "../../src/kv/kv-api.ts";
import { KvError } from "../../src/kv/kv-error.ts";
import type { Remote } from "../../src/mapping/round-port.ts";

export interface ToldFeed {
  readonly remote: Remote;
  /** With which cursor it was asked for, each time. */
  readonly asked: (string | undefined)[];
  offered: boolean;
  /** What it says as soon as it is asked for; none: nothing. */
  greeting: readonly ChangeEvent[];
  /** Who asks for it is refused so, at once. */
  refusal: KvError | undefined;
  say(event: ChangeEvent): void;
  /** Tells that these changed, with the next cursor: 1, 2, ... */
  change(...keys: readonly string[]): void;
  /** Breaks the connection off. */
  cut(): void;
  /** Connections that live. */
  connected(): number;
}

export function toldFeed(): ToldFeed {
  let next: PromiseWithResolvers<ChangeEvent | Error> | undefined;
  let queue: (ChangeEvent | Error)[] = [];
  let changes = 0;
  let connected = 0;
  const feed = { asked: [] as (string | undefined)[], offered: true, refusal: undefined as KvError | undefined };
  const push = (item: ChangeEvent | Error): void => {
    if (next === undefined) queue.push(item);
    else next.resolve(item);
    next = undefined;
  };
  const greeting: readonly ChangeEvent[] = [{ kind: "ready", cursor: "start" }];

  async function* readChanges(signal: AbortSignal | undefined): AsyncGenerator<ChangeEvent, void> {
    if (feed.refusal !== undefined) throw feed.refusal;
    queue = [...told.greeting];
    connected++;
    try {
      for (;;) {
        const item = queue.shift() ?? (await awaited(signal));
        if (item instanceof Error) throw item;
        yield item;
        if (item.kind === "gone") return;
      }
    } finally {
      connected--;
    }
  }

  async function awaited(signal: AbortSignal | undefined): Promise<ChangeEvent | Error> {
    next = Promise.withResolvers();
    const { promise, reject } = next;
    const abort = (): void => reject(signal?.reason as Error);
    signal?.addEventListener("abort", abort, { once: true });
    return promise.finally(() => signal?.removeEventListener("abort", abort));
  }

  const api = {
    offersChanges: () => feed.offered,
    readChanges: (_, since, options) => {
      feed.asked.push(since);
      return readChanges(options?.signal);
    },
  } satisfies Pick<KvApi, "offersChanges" | "readChanges">;
  const told: ToldFeed = Object.assign(feed, {
    greeting,
    remote: { api: api as unknown as KvApi, namespaceId: "0123456789abcdef0123456789abcdef" as NamespaceId },
    say: push,
    change: (...keys: readonly string[]) => push({ kind: "changed", cursor: String(++changes), keys }),
    cut: () => push(new KvError("network", "the connection broke off", { retryable: true })),
    connected: () => connected,
  });
  return told;
}
