// A front before the real server that offers the change feed: everything goes to the server and comes back, and what a good answer says
// was written is told to whoever follows. A test cuts it, silences it, refuses it, or lets it forget.

import { createServer, type IncomingMessage, request as send, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface FeedFront extends AsyncDisposable {
  /** To be used instead of the server's. */
  readonly url: string;
  /** Of each request its method and path, from the namespace's on: `GET /keys`, `GET /changes`; in the order in which they came. */
  readonly requests: string[];
  /** The `since` of each request for the feed; null: from now on. */
  readonly asked: (string | null)[];
  /** Connections of those who follow now. */
  following(): number;
  /** Breaks off all that is being followed. */
  cut(): void;
  /** Writes go unseen, and no connection says anything any more. */
  silence(): void;
  /** Asked for the feed, it answers like this; undefined: as it should. */
  refuse: ((response: ServerResponse) => void) | undefined;
  /** Cursors from before now are too old. */
  forget(): void;
  /** Tells that these changed, whether or not they did. */
  tell(...keys: readonly string[]): void;
}

interface Follower {
  readonly namespace: string;
  readonly response: ServerResponse;
}

const BELOW_NAMESPACE = /\/storage\/kv\/namespaces\/([0-9a-f]{32})(\/[^?]*)?(?:\?(.*))?$/;

export async function startFeedFront(target: string): Promise<FeedFront> {
  const { origin, pathname } = new URL(target);
  const requests: string[] = [];
  const asked: (string | null)[] = [];
  const followers = new Set<Follower>();
  const log: { readonly namespace: string; readonly keys: readonly string[] }[] = [];
  let oldest = 0;
  let isSilent = false;
  let refuse: FeedFront["refuse"];

  function write({ response }: Follower, name: string, id: number, data: unknown): void {
    response.write(`id: c.${id}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  function changed(namespace: string, keys: readonly string[]): void {
    if (keys.length === 0) return;
    log.push({ namespace, keys });
    if (isSilent) return;
    for (const follower of followers)
      if (follower.namespace === namespace) write(follower, "changed", log.length, { keys });
  }

  function follow(namespace: string, since: string | null, response: ServerResponse): void {
    asked.push(since);
    if (refuse !== undefined) return refuse(response);
    const follower = { namespace, response };
    response.writeHead(200, { "content-type": "text/event-stream", "kvsync-change-feed": "1" });
    response.flushHeaders();
    response.on("close", () => followers.delete(follower));
    followers.add(follower);
    const from = since === null ? log.length : Number(/^c\.(\d+)$/.exec(since)?.[1] ?? -1);
    if (from < oldest || from > log.length)
      return write(follower, "reset", log.length, { reason: "the log does not go back so far" });
    write(follower, "ready", from, {});
    for (const [index, change] of log.entries())
      if (index >= from && change.namespace === namespace) write(follower, "changed", index + 1, { keys: change.keys });
  }

  async function pass(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = "GET", url = "/", headers } = incoming;
    const [, namespace, path = "", query = ""] = BELOW_NAMESPACE.exec(url) ?? [];
    requests.push(`${method} ${namespace === undefined ? "/" : path}`);
    if (namespace !== undefined && path === "/changes")
      return follow(namespace, new URLSearchParams(query).get("since"), outgoing);
    const body = await bytesOf(incoming);
    const sent = send(origin, { method, headers, path: url.replace("/front", pathname) });
    const answered = new Promise<IncomingMessage>((resolve, reject) =>
      sent.on("response", resolve).on("error", reject),
    );
    sent.end(body);
    const answer = await answered;
    const bytes = await bytesOf(answer);
    const status = answer.statusCode ?? 500;
    const offered = namespace === undefined ? {} : { "kvsync-change-feed": "1" };
    outgoing.writeHead(status, { ...answer.headers, ...offered }).end(bytes);
    if (status === 200 && namespace !== undefined) changed(namespace, changedKeys(method, path, body));
  }

  const server = createServer((incoming, outgoing) => {
    pass(incoming, outgoing).catch((error: unknown) => outgoing.destroy(error as Error));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/front`,
    requests,
    asked,
    following: () => followers.size,
    cut() {
      isSilent = false;
      for (const { response } of followers) response.destroy();
    },
    silence: () => (isSilent = true),
    get refuse() {
      return refuse;
    },
    set refuse(how) {
      refuse = how;
    },
    forget: () => (oldest = log.length),
    tell(...keys) {
      for (const namespace of new Set([...followers].map((follower) => follower.namespace))) changed(namespace, keys);
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function bytesOf(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function changedKeys(method: string, path: string, body: Buffer): readonly string[] {
  const value = /^\/values\/(.+)$/.exec(path)?.[1];
  if (value !== undefined) return method === "GET" ? [] : [decodeURIComponent(value)];
  if (path === "/bulk" && method === "PUT")
    return (JSON.parse(body.toString()) as readonly { readonly key: string }[]).map(({ key }) => key);
  return path === "/bulk/delete" ? (JSON.parse(body.toString()) as readonly string[]) : [];
}
