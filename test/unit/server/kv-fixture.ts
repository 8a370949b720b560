// A test server with a namespace in it, and raw calls: node:http sends a path as it is given, where fetch and undici
// would collapse `..` and `%2e` before sending.

import { Agent, type IncomingHttpHeaders, request } from "node:http";
import { startTestServer, type TestServer, type TestServerOptions } from "../../support/server.ts";

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
}

export interface CallOptions {
  readonly body?: string | Uint8Array | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

// oxlint-disable-next-line typescript/no-explicit-any -- what a test asserts about
export type Body = any;

export interface Kv {
  readonly server: TestServer;
  readonly id: string;
  /** `path` is below the namespaces of the account: "", "/ID", "/ID/values/x". */
  call(method: string, path: string, options?: CallOptions): Promise<RawAnswer>;
  /** The parsed body of a call with a JSON body; `path` is below the namespace. */
  json(method: string, path: string, body?: unknown): Promise<Body>;
  /** Status and first error code of such a call: [404, 10009]; [200, undefined]. */
  outcome(method: string, path: string, options?: CallOptions): Promise<[number, number | undefined]>;
  put(key: string, value: string | Uint8Array, query?: string): Promise<void>;
  /** Undefined: there is no such key. */
  get(key: string): Promise<string | undefined>;
  names(query?: string): Promise<string[]>;
  close(): Promise<void>;
}

const agent = new Agent({ keepAlive: true });

/** The answer to one request for `target`, exactly as it is written. */
export function rawCall(port: number, method: string, target: string, options: CallOptions = {}): Promise<RawAnswer> {
  const { body, headers } = options;
  return new Promise((resolve, reject) => {
    const chunked = body === undefined || headers?.["transfer-encoding"] !== undefined;
    const length = chunked ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const outgoing = request({
      host: "127.0.0.1",
      port,
      method,
      path: target,
      agent,
      headers: { ...length, ...headers },
    });
    outgoing.on("error", reject);
    outgoing.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const bytes = Buffer.concat(chunks);
        resolve({ status: response.statusCode ?? 0, headers: response.headers, bytes, text: bytes.toString() });
      });
    });
    outgoing.end(body);
  });
}

export async function openKv(options: TestServerOptions = {}): Promise<Kv> {
  const server = await startTestServer(options);
  const { faults } = options;
  if (faults !== undefined) server.setFaults({}); // not for making the namespace
  const id = await server.createNamespace("test");
  if (faults !== undefined) server.setFaults(faults);
  return withNamespace(server, id);
}

export function withNamespace(server: TestServer, id: string): Kv {
  const authorization = `Bearer ${server.token}`;
  const base = new URL(server.namespacesUrl).pathname;
  const call: Kv["call"] = (method, path, { body, headers } = {}) =>
    rawCall(server.port, method, `${base}${path}`, { body, headers: { authorization, ...headers } });
  const json: Kv["json"] = async (method, path, body) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const answer = await call(method, `/${id}${path}`, { body: text, headers: { "content-type": "application/json" } });
    return JSON.parse(answer.text);
  };
  return {
    server,
    id,
    call,
    json,
    async outcome(method, path, options) {
      const answer = await call(method, `/${id}${path}`, options);
      const isJson = answer.headers["content-type"] === "application/json";
      return [answer.status, isJson ? JSON.parse(answer.text).errors?.[0]?.code : undefined];
    },
    async put(key, value, query = "") {
      const answer = await call("PUT", `/${id}/values/${encodeURIComponent(key)}${query}`, { body: value });
      if (answer.status !== 200) throw new Error(answer.text);
    },
    async get(key) {
      const answer = await call("GET", `/${id}/values/${encodeURIComponent(key)}`);
      return answer.status === 404 ? undefined : answer.text;
    },
    async names(query = "") {
      const { result } = await json("GET", `/keys${query}`);
      return result.map((key: Body) => key.name);
    },
    close: () => server.close(),
  };
}
