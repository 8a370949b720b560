// A KV that we did not write: workerd under miniflare, with a Worker that reads and writes as Workers do, and its REST API
// behind a proxy on loopback which gives it the paths of the real one (it knows no accounts).

import { createServer, request } from "node:http";
import { type AddressInfo } from "node:net";
import { Miniflare } from "miniflare";

const API_PATH = "/cdn-cgi/local/explorer/api";
export const NAMESPACE_ID = "fedcba9876543210fedcba9876543210";
/** Namespaces have no titles there: the name of the Worker's binding stands for one. */
export const NAMESPACE_TITLE = "KV";

/** A value as a Worker sees it; what `getWithMetadata` gives, with the value's bytes in base64. */
export interface WorkerValue {
  readonly key: string;
  readonly base64: string;
  readonly metadata?: unknown;
  readonly expirationTtl?: number;
}

export interface MiniflarePeer {
  /** In the form of the real API's, for any account. */
  readonly url: string;
  /** The same without a proxy, as miniflare serves it: it knows no accounts. */
  readonly explorerUrl: string;
  /** The Worker writes `values` with its binding. */
  put(values: readonly WorkerValue[]): Promise<void>;
  /** The Worker reads `keys`; null: there is none. */
  get(keys: readonly string[]): Promise<(Omit<WorkerValue, "expirationTtl"> | null)[]>;
  /** The Worker deletes `keys`. */
  delete(keys: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

const worker = `
export default {
  async fetch(request, { KV }) {
    const { verb, items } = await request.json();
    const results = [];
    for (const item of items) results.push(await verbs[verb](KV, item));
    return Response.json(results);
  },
};
const verbs = {
  async put(KV, { key, base64, metadata, expirationTtl }) {
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    await KV.put(key, bytes.buffer, { metadata, expirationTtl });
    return null;
  },
  async get(KV, key) {
    const { value, metadata } = await KV.getWithMetadata(key, "arrayBuffer");
    if (value === null) return null;
    const base64 = btoa(Array.from(new Uint8Array(value), (byte) => String.fromCharCode(byte)).join(""));
    return { key, base64, metadata };
  },
  async delete(KV, key) {
    await KV.delete(key);
    return null;
  },
};`;

export async function startMiniflare(): Promise<MiniflarePeer> {
  const miniflare = new Miniflare({
    host: "127.0.0.1",
    port: 0,
    // Else it looks on the network for where it is.
    cf: false,
    unsafeLocalExplorer: true,
    workers: [
      {
        config: {
          name: "peer",
          compatibilityDate: "2026-10-01",
          env: { [NAMESPACE_TITLE]: { type: "kv", id: NAMESPACE_ID } },
          manifest: { mainModule: "worker.js", modules: { "worker.js": { type: "esm", contents: worker } } },
        },
      },
    ],
  });
  const { port, href } = await miniflare.ready;
  const proxy = await startProxy(Number(port));

  async function ask<T>(verb: "put" | "get" | "delete", items: readonly unknown[]): Promise<T> {
    const response = await fetch(href, { method: "POST", body: JSON.stringify({ verb, items }) });
    const text = await response.text();
    if (!response.ok) throw new Error(`the Worker failed: ${text}`);
    const results: T = JSON.parse(text);
    return results;
  }

  return {
    url: proxy.url,
    explorerUrl: new URL(API_PATH, href).href,
    put: (values) => ask("put", values),
    get: (keys) => ask("get", keys),
    delete: (keys) => ask("delete", keys),
    async close() {
      await proxy.close();
      await miniflare.dispose();
    },
  };
}

async function startProxy(port: number): Promise<{ readonly url: string; close(): Promise<void> }> {
  const proxy = createServer((incoming, answer) => {
    // The raw target: a parsed URL would lose the difference between / and %2F, and collapse dots.
    const path = (incoming.url ?? "").replace(/^\/client\/v4\/accounts\/[^/]+/, API_PATH);
    const headers = { ...incoming.headers, host: `127.0.0.1:${port}` };
    const outgoing = request({ host: "127.0.0.1", port, path, method: incoming.method, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    outgoing.once("error", (error) => answer.destroy(error));
    incoming.pipe(outgoing);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const { port: own } = proxy.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${own}/client/v4`,
    close: () =>
      new Promise((resolve) => {
        proxy.close(() => resolve());
        proxy.closeAllConnections();
      }),
  };
}
