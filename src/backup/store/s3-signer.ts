// AWS Signature Version 4 of a request, by aws4fetch: 30 kB without dependencies, which others have run against every kind of object storage. 60 lines of
// our own would be as short, and would be checked by nobody but our own fake. Of the library only the signer is used; requests are sent, and repeated, by us.
//
// What is signed is the path as it goes onto the wire: each part percent-encoded but for what RFC 3986 lets stand.

import { hash } from "node:crypto";
import type { AwsV4Signer } from "aws4fetch";
import type { Clock } from "../../core/clock.ts";
import type { S3Keys } from "./s3-keys.ts";

interface UnsignedRequest {
  readonly method: string;
  /** `https://host:port`. */
  readonly origin: string;
  /** Encoded, with the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
}

/** Gives the headers that `request` is to be sent with. */
export type SignRequest = (request: UnsignedRequest) => Promise<Record<string, string>>;

export interface SignerOptions {
  readonly clock: Clock;
  readonly region: string;
  readonly keys: S3Keys;
}

export function openSigner({ clock, region, keys }: SignerOptions): SignRequest {
  /** The key of a day, which takes four steps to make. */
  const cache = new Map<string, ArrayBuffer>();
  let signer: Promise<typeof AwsV4Signer> | undefined;
  return async ({ method, origin, path, headers, body }) => {
    signer ??= import("aws4fetch").then((library) => library.AwsV4Signer);
    const Signer = await signer;
    const signed = await new Signer({
      method,
      url: `${origin}${path}`,
      headers: { ...headers, "x-amz-content-sha256": hash("sha256", body ?? "") },
      accessKeyId: keys.accessKeyId.reveal(),
      secretAccessKey: keys.secretAccessKey.reveal(),
      ...(keys.sessionToken === undefined ? {} : { sessionToken: keys.sessionToken.reveal() }),
      service: "s3",
      region,
      cache,
      datetime: new Date(clock.now()).toISOString().replaceAll(/[:-]|\.\d{3}/g, ""),
      allHeaders: true,
    }).sign();
    return Object.fromEntries(signed.headers);
  };
}

/** `text` as a part of a path or of a query, as the signature wants it. */
export function encodePart(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
