// Object storage that speaks S3, in this process and over HTTP, with everything that real ones do to a client: it checks signatures and checksums, fails,
// asks for patience, cuts bodies, loses answers, ignores conditions and ranges, and lists what was true a while ago.

import { hash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { checkSignature, type S3Account } from "./s3-signature.ts";

/** What becomes of a request. `lost-answer`: it is carried out, and the connection reset. `late`: the answer takes a while. `no-conditions`: a
 * condition is answered 501, this once. */
export type S3Fault =
  | "500"
  | "empty-404"
  | "slow-down"
  | "reset"
  | "lost-answer"
  | "cut-body"
  | "slow-body"
  | "late"
  | "no-conditions"
  | "corrupted"
  | "login-page";

export interface S3ServerOptions {
  readonly account?: S3Account;
  readonly bucket?: string;
  /** Below which the bucket is: `/some/path`. */
  readonly basePath?: string;
  /** `If-None-Match`: known, answered 501, or read over. */
  readonly conditions?: "known" | "501" | "ignored";
  readonly ranges?: "known" | "ignored";
  /** Objects in a page of a listing, whatever was asked for. */
  readonly pageMax?: number;
  /** Listings show what was so this long ago. */
  readonly lagMs?: number;
  /** The same, asked for each listing. */
  readonly lag?: () => number;
  /** Whether answers have a Date; true unless given. */
  readonly tellsDate?: boolean;
  /** Asked before each request, which is counted from 1. */
  readonly fault?: (count: number, request: { readonly method: string; readonly path: string }) => S3Fault | undefined;
}

interface Version {
  /** Undefined: removed. */
  readonly bytes: Buffer | undefined;
  readonly at: number;
}

export interface S3Server {
  /** For `endpoint:`. */
  readonly url: string;
  readonly account: S3Account;
  readonly bucket: string;
  /** The environment that a command needs to use it. */
  readonly env: Readonly<Record<string, string>>;
  /** Method and path of every request. */
  readonly requests: readonly string[];
  /** By key. */
  objects(): ReadonlyMap<string, Buffer>;
  /** Puts an object there by other ways. */
  place(key: string, bytes: Uint8Array): void;
  /** Lets time pass for the server alone. */
  advance(ms: number): void;
  /** Lets all that it holds be older by so much, and forgets what was there before. */
  age(ms: number): void;
  close(): Promise<void>;
}

const LATE_MS = 200;

export const S3_ACCOUNT: S3Account = {
  accessKeyId: "AKIAIOSFODNN7EXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  region: "auto",
};

export async function startS3Server(options: S3ServerOptions = {}): Promise<S3Server> {
  const { account = S3_ACCOUNT, bucket = "backups", basePath = "" } = options;
  const versions = new Map<string, Version[]>();
  const requests: string[] = [];
  let aheadMs = 0;
  const now = (): number => Date.now() + aheadMs;
  const write = (key: string, bytes: Buffer | undefined): void => {
    versions.set(key, [...(versions.get(key) ?? []), { bytes, at: now() }]);
  };
  const state: State = { options: { ...options, account, bucket, basePath }, versions, write, now };

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      requests.push(`${request.method} ${request.url}`);
      const [path = ""] = (request.url ?? "").split("?", 1);
      const fault = options.fault?.(requests.length, { method: request.method ?? "", path });
      const body = Buffer.concat(chunks);
      if (fault === "corrupted" && body.byteLength > 0) body[0] = (body[0] ?? 0) ^ 1;
      const told = answer(state, request, body, fault);
      if (fault === "late") setTimeout(() => deliver(response, told, fault), LATE_MS);
      else deliver(response, told, fault);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${basePath}`;
  return {
    url,
    account,
    bucket,
    env: {
      AWS_ENDPOINT_URL_S3: url,
      AWS_ACCESS_KEY_ID: account.accessKeyId,
      AWS_SECRET_ACCESS_KEY: account.secretAccessKey,
      ...(account.region === "auto" ? {} : { AWS_REGION: account.region }),
      ...(account.sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: account.sessionToken }),
    },
    requests,
    objects: () =>
      new Map(
        [...versions].flatMap(([key, all]) => (all.at(-1)?.bytes === undefined ? [] : [[key, all.at(-1)!.bytes!]])),
      ),
    place: (key, bytes) => write(key, Buffer.from(bytes)),
    advance: (ms) => (aheadMs += ms),
    age(ms) {
      for (const [key, all] of versions) {
        const last = all.at(-1)!;
        if (last.bytes === undefined) versions.delete(key);
        else versions.set(key, [{ ...last, at: last.at - ms }]);
      }
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface State {
  readonly options: S3ServerOptions & Required<Pick<S3ServerOptions, "account" | "bucket" | "basePath">>;
  readonly versions: ReadonlyMap<string, readonly Version[]>;
  readonly write: (key: string, bytes: Buffer | undefined) => void;
  readonly now: () => number;
}

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

function answer(state: State, request: IncomingMessage, body: Buffer, fault: S3Fault | undefined): Answer {
  const isDated = state.options.tellsDate !== false;
  const common = { ...(isDated && { date: new Date(state.now()).toUTCString() }), "x-amz-request-id": "1" };
  const told = (status: number, headers: Record<string, string> = {}, content: Buffer | string = ""): Answer => ({
    status,
    headers: { ...common, ...headers },
    body: Buffer.from(content),
  });
  const failed = (status: number, code: string, more = ""): Answer =>
    told(
      status,
      { "content-type": "application/xml" },
      request.method === "HEAD"
        ? ""
        : `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>it was &quot;${code}&quot;</Message>${more}</Error>`,
    );
  if (fault === "500") return failed(500, "InternalError");
  if (fault === "empty-404") return told(404);
  if (fault === "slow-down") return failed(503, "SlowDown");
  if (fault === "login-page") return told(200, { "content-type": "text/html" }, "<html>Log in, please</html>");
  const { account, bucket, basePath } = state.options;
  const wrong = checkSignature(request, body, account, state.now());
  if (wrong === "AuthorizationHeaderMalformed") return failed(400, wrong, `<Region>${account.region}</Region>`);
  if (wrong !== undefined) return failed(wrong.startsWith("XAmz") ? 400 : 403, wrong);
  const url = new URL(request.url ?? "", "http://s3");
  const [named = "", ...rest] = url.pathname.slice(basePath.length + 1).split("/");
  if (!url.pathname.startsWith(`${basePath}/`) || decodeURIComponent(named) !== bucket)
    return failed(404, "NoSuchBucket");
  const key = rest.map(decodeURIComponent).join("/");
  if (request.method === "GET" && key === "") return told(200, {}, listing(state, url.searchParams));
  const last = state.versions.get(key)?.at(-1);
  if (request.method === "PUT") return put(state, { key, last, body, request, fault, told, failed });
  if (request.method === "DELETE") {
    if (last?.bytes !== undefined) state.write(key, undefined);
    return told(204);
  }
  if (last?.bytes === undefined) return failed(404, "NoSuchKey");
  const found = { etag: tagOf(last.bytes), "last-modified": new Date(last.at).toUTCString() };
  if (request.method === "HEAD") return told(200, { ...found, "content-length": String(last.bytes.byteLength) });
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
  if (range === null || state.options.ranges === "ignored") return told(200, found, last.bytes);
  const size = last.bytes.byteLength;
  const [from, to] = [Number(range[1]), Math.min(Number(range[2]), size - 1)];
  if (from >= size)
    return { ...failed(416, "InvalidRange"), headers: { ...common, "content-range": `bytes */${size}` } };
  return told(206, { ...found, "content-range": `bytes ${from}-${to}/${size}` }, last.bytes.subarray(from, to + 1));
}

interface Put {
  readonly key: string;
  readonly last: Version | undefined;
  readonly body: Buffer;
  readonly request: IncomingMessage;
  readonly fault: S3Fault | undefined;
  readonly told: (status: number, headers?: Record<string, string>) => Answer;
  readonly failed: (status: number, code: string) => Answer;
}

function put(state: State, { key, last, body, request, fault, told, failed }: Put): Answer {
  const { conditions = "known" } = state.options;
  const md5 = request.headers["content-md5"];
  if (md5 !== undefined && md5 !== hash("md5", body, "base64")) return failed(400, "BadDigest");
  const isConditional = request.headers["if-none-match"] === "*";
  if (isConditional && (conditions === "501" || fault === "no-conditions")) return failed(501, "NotImplemented");
  if (isConditional && conditions === "known" && last?.bytes !== undefined) return failed(412, "PreconditionFailed");
  state.write(key, Buffer.from(body));
  return told(200, { etag: tagOf(body) });
}

/** Told with each answer and each line of a listing. */
const TAGS = new WeakMap<Buffer, string>();

function tagOf(bytes: Buffer): string {
  const known = TAGS.get(bytes);
  if (known !== undefined) return known;
  const tag = `"${hash("md5", bytes)}"`;
  TAGS.set(bytes, tag);
  return tag;
}

function listing({ options, versions, now }: State, query: URLSearchParams): string {
  const asOf = now() - (options.lag?.() ?? options.lagMs ?? 0);
  const prefix = query.get("prefix") ?? "";
  const after = Buffer.from(query.get("continuation-token") ?? "", "base64").toString();
  const keys = [...versions.keys()].filter((key) => key.startsWith(prefix) && key > after).toSorted();
  const seen = keys.flatMap((key) => {
    const version = versions.get(key)?.findLast(({ at }) => at <= asOf);
    return version?.bytes === undefined ? [] : [{ key, bytes: version.bytes, at: version.at }];
  });
  const page = seen.slice(0, Math.min(options.pageMax ?? 1000, Number(query.get("max-keys") ?? 1000)));
  const isCut = page.length < seen.length;
  const encode = query.get("encoding-type") === "url" ? encodeURIComponent : (text: string): string => text;
  return [
    '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">',
    `<Name>${options.bucket}</Name><Prefix>${encode(prefix)}</Prefix><EncodingType>url</EncodingType>`,
    `<KeyCount>${page.length}</KeyCount><IsTruncated>${isCut}</IsTruncated>`,
    isCut ? `<NextContinuationToken>${Buffer.from(page.at(-1)!.key).toString("base64")}</NextContinuationToken>` : "",
    ...page.map(
      ({ key, bytes, at }) =>
        `<Contents><Key>${encode(key)}</Key><LastModified>${new Date(at).toISOString()}</LastModified><ETag>${tagOf(bytes).replaceAll('"', "&quot;")}</ETag><Size>${bytes.byteLength}</Size><StorageClass>STANDARD</StorageClass></Contents>`,
    ),
    "</ListBucketResult>",
  ].join("\n");
}

function deliver(response: ServerResponse, { status, headers, body }: Answer, fault: S3Fault | undefined): void {
  if (fault === "reset" || fault === "lost-answer") return void response.socket?.resetAndDestroy();
  // Node would add its own.
  response.sendDate = false;
  response.writeHead(status, { "content-length": String(body.byteLength), ...headers });
  if (fault === "cut-body" && body.byteLength > 1) {
    response.write(body.subarray(0, body.byteLength >> 1), () => response.socket?.destroy());
    return;
  }
  if (fault === "slow-body" && body.byteLength > 1) {
    // Never ends: the client gives it up.
    response.write(body.subarray(0, 1));
    return;
  }
  response.end(body);
}
