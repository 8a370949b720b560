// AWS Signature Version 4 as a server checks it, written from its documentation and not from the client's library:
// docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html

import { createHmac, hash } from "node:crypto";
import type { IncomingMessage } from "node:http";

export interface S3Account {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly region: string;
}

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})$/;
const SKEW_MS_MAX = 15 * 60_000;

/** S3's code for what is wrong; undefined: the request is well signed. */
export function checkSignature(
  request: IncomingMessage,
  body: Uint8Array,
  account: S3Account,
  now: number,
): string | undefined {
  const header = (name: string): string => String(request.headers[name] ?? "");
  const parts = AUTHORIZATION.exec(header("authorization"));
  if (parts === null) return "AccessDenied";
  const [, id, day = "", region = "", signedNames = "", signature] = parts;
  if (id !== account.accessKeyId) return "InvalidAccessKeyId";
  if (account.sessionToken !== undefined && header("x-amz-security-token") !== account.sessionToken)
    return "InvalidToken";
  if (account.region !== "auto" && region !== account.region) return "AuthorizationHeaderMalformed";
  const date = header("x-amz-date");
  const at = Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"));
  if (!date.startsWith(day) || !(Math.abs(at - now) <= SKEW_MS_MAX)) return "RequestTimeTooSkewed";
  const names = signedNames.split(";");
  const mustBeSigned = ["host", ...Object.keys(request.headers).filter((name) => name.startsWith("x-amz-"))];
  if (mustBeSigned.some((name) => !names.includes(name))) return "AccessDenied";
  const content = header("x-amz-content-sha256");
  if (content !== hash("sha256", body)) return "XAmzContentSHA256Mismatch";
  const [path = "", query = ""] = (request.url ?? "").split("?", 2);
  const canonical = [
    request.method,
    path,
    query.split("&").toSorted().join("&"),
    ...names.map((name) => `${name}:${header(name).trim().replaceAll(/ +/g, " ")}`),
    "",
    signedNames,
    content,
  ].join("\n");
  const scope = `${day}/${region}/s3/aws4_request`;
  const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();
  const key = [day, region, "s3", "aws4_request"].reduce<string | Buffer>(hmac, `AWS4${account.secretAccessKey}`);
  const text = ["AWS4-HMAC-SHA256", date, scope, hash("sha256", canonical)].join("\n");
  return hmac(key, text).toString("hex") === signature ? undefined : "SignatureDoesNotMatch";
}
