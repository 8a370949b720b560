// A client of the change feed, as plain as can be: it reads one stream, event by event.

import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { once } from "node:events";
import type { Kv } from "../kv-fixture.ts";

interface ReadEvent {
  readonly id: string;
  readonly event: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- what a test asserts about
  readonly data: any;
}

export interface FeedClient {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The next event; undefined: the stream has ended. */
  next(): Promise<ReadEvent | undefined>;
  /** Reads on until all of `keys` were told of. Returns the cursor. */
  told(keys: Iterable<string>): Promise<string>;
  /** All that came so far, comments included. */
  text(): string;
  /** Whether the stream has come to its end, and was not cut. */
  isWhole(): boolean;
  /** Stops to read, so that what is sent piles up. */
  pause(): void;
  resume(): void;
  close(): void;
}

export interface FeedQuery {
  readonly since?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

export async function openFeed(kv: Kv, { since, headers = {} }: FeedQuery = {}): Promise<FeedClient> {
  const path = `${new URL(kv.server.namespacesUrl).pathname}/${kv.id}/changes`;
  const outgoing = request({
    host: "127.0.0.1",
    port: kv.server.port,
    path: since === undefined ? path : `${path}?since=${encodeURIComponent(since)}`,
    headers: { authorization: `Bearer ${kv.server.token}`, ...headers },
    agent: new Agent(),
  });
  outgoing.end();
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  return readFeed(response, () => outgoing.destroy());
}

export function readFeed(response: IncomingMessage, close: () => void): FeedClient {
  const chunks: string[] = [];
  let taken = 0;
  let rest = "";
  let isOver = false;
  let wake = (): void => undefined;
  response.setEncoding("utf8");
  response.on("data", (chunk: string) => {
    chunks.push(chunk);
    wake();
  });
  for (const end of ["end", "error", "close"])
    response.on(end, () => {
      isOver = true;
      wake();
    });

  async function next(): Promise<ReadEvent | undefined> {
    for (;;) {
      rest += chunks.slice(taken).join("");
      taken = chunks.length;
      const end = rest.indexOf("\n\n");
      if (end >= 0) {
        const block = rest.slice(0, end);
        rest = rest.slice(end + 2);
        if (!block.startsWith(":")) return parse(block);
      } else if (isOver) return undefined;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  }

  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    next,
    async told(keys) {
      const missing = new Set(keys);
      for (;;) {
        const found = await next();
        if (found === undefined) throw new Error(`the feed ended before it told of ${[...missing].join(", ")}`);
        for (const key of found.data.keys ?? []) missing.delete(key);
        if (missing.size === 0) return found.id;
      }
    },
    text: () => chunks.join(""),
    isWhole: () => response.complete,
    pause: () => response.pause(),
    resume: () => response.resume(),
    close,
  };
}

function parse(block: string): ReadEvent {
  const field = (name: string): string => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1] ?? "";
  return { id: field("id"), event: field("event"), data: JSON.parse(field("data")) };
}
