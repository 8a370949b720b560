// A server seen from far away: everything goes to the real one and comes back as it is, but for what a test says that lags. What
// the API promises is no more than this: a listing, or a read, may be of any moment of the last minute.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface LaggingProxy {
  /** To be used instead of the server's. */
  readonly url: string;
  /** From now on listings of keys show what they show at this moment. */
  freezeListings(): Promise<void>;
  /** From now on reads of values say that there is none. */
  hideValues(): void;
  /** Each bulk write is carried out so much later. */
  slowWrites(ms: number): void;
  close(): Promise<void>;
}

export async function startLaggingProxy(target: string, keysUrl: string, token: string): Promise<LaggingProxy> {
  let listing: Buffer | undefined;
  let isBlind = false;
  let slowMs = 0;
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const { method = "GET", url = "/" } = request;
    const [path = ""] = url.split("?");
    const json = (status: number, text: string | Buffer): void => {
      response.writeHead(status, { "content-type": "application/json" }).end(text);
    };
    if (listing !== undefined && method === "GET" && path.endsWith("/keys")) return json(200, listing);
    if (isBlind && path.endsWith("/bulk/get")) return json(200, absentValues(body));
    if (isBlind && method === "GET" && path.includes("/values/")) return json(404, NOT_FOUND);
    if (slowMs > 0 && method === "PUT" && path.endsWith("/bulk"))
      await new Promise((resolve) => setTimeout(resolve, slowMs));
    const headers = new Headers();
    for (const name of ["authorization", "content-type"] as const) {
      const value = request.headers[name];
      if (value !== undefined) headers.set(name, value);
    }
    const found = await fetch(target + url, { method, headers, ...(body.byteLength > 0 && { body }) });
    const bytes = Buffer.from(await found.arrayBuffer());
    response.writeHead(found.status, { "content-type": found.headers.get("content-type") ?? "text/plain" }).end(bytes);
  };
  const proxy = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    async freezeListings() {
      const found = await fetch(keysUrl, { headers: { authorization: `Bearer ${token}` } });
      listing = Buffer.from(await found.arrayBuffer());
    },
    hideValues: () => (isBlind = true),
    slowWrites: (ms) => (slowMs = ms),
    close: () =>
      new Promise((resolve) => {
        proxy.close(() => resolve());
        proxy.closeAllConnections();
      }),
  };
}

const NOT_FOUND = JSON.stringify({
  success: false,
  errors: [{ code: 10009, message: "get: 'key not found'" }],
  messages: [],
  result: null,
});

function absentValues(asked: Buffer): string {
  const { keys } = JSON.parse(asked.toString()) as { readonly keys: readonly string[] };
  const values = Object.fromEntries(keys.map((key) => [key, null]));
  return JSON.stringify({ success: true, errors: [], messages: [], result: { values } });
}
