// What an answer of object storage means that does not do what was asked: worth another try, or failed for good, and why. Pure, and the only place
// that knows S3's codes. (docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, developers.cloudflare.com/r2/api/error-codes)

import type { DurationMs, EpochMs } from "../../core/clock.ts";
import { AppError, type ErrorCode, visible } from "../../core/errors.ts";
import { childText, parseXml } from "./xml.ts";

export type S3Verdict =
  /** There is no such object. */
  | { readonly kind: "missing" }
  /** There is one already. */
  | { readonly kind: "exists" }
  /** This store knows no conditions. */
  | { readonly kind: "no-conditions" }
  | { readonly kind: "fail"; readonly error: AppError }
  | {
      readonly kind: "retry";
      readonly error: AppError;
      readonly afterMs: DurationMs | undefined;
      readonly limited?: "account";
    };

export interface S3Failure {
  /** What was tried, to go on after "could not": `store packs/... in s3://b`. */
  readonly what: string;
  readonly method: string;
  readonly status: number;
  /** Of the answer's body: an error in XML, or anything else. */
  readonly body: string;
  readonly retryAfterMs: DurationMs | undefined;
  /** What the answer's `x-amz-bucket-region` says. */
  readonly bucketRegion: string | undefined;
  /** Of the answer; undefined: it does not say. */
  readonly date: EpochMs | undefined;
  readonly now: EpochMs;
  readonly bucket: string;
  readonly region: string;
  readonly host: string;
}

interface S3Error {
  /** "": the answer is no error of S3. */
  readonly code: string;
  readonly message: string;
  readonly region: string | undefined;
}

/** How far a clock may be off (RequestTimeTooSkewed). */
const SKEW_MS_MAX = 15 * 60_000;
const CREDENTIALS_HINT =
  "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or what the repository's entry in the config says";

export function judgeS3Failure(failure: S3Failure): S3Verdict {
  const { method, status, body } = failure;
  const error = parseS3Error(body);
  if (status === 412) return { kind: "exists" };
  if (status === 501) return { kind: "no-conditions" };
  if (status === 404 && error.code === "NoSuchKey") return { kind: "missing" };
  // The answer to HEAD never has a body. Any other 404 without one is of a proxy or a gateway, and tells of no absence.
  if (status === 404 && body === "") return method === "HEAD" ? { kind: "missing" } : later(failure, error);
  if (LATER_CODES.has(error.code) || isLater(status)) return later(failure, error);
  return { kind: "fail", error: failureOf(failure, error) };
}

/** Told with a status that would otherwise be final. */
const LATER_CODES: ReadonlySet<string> = new Set([
  "RequestTimeout",
  "BadDigest",
  "XAmzContentSHA256Mismatch",
  "XAmzContentChecksumMismatch",
  "IncompleteBody",
  "ConditionalRequestConflict",
  "OperationAborted",
  "SlowDown",
  "TooManyRequests",
]);

function isLater(status: number): boolean {
  return status === 408 || status === 429 || (status >= 500 && status !== 505 && status !== 507);
}

function later(failure: S3Failure, error: S3Error): S3Verdict {
  const isLimit = failure.status === 429 || /^(SlowDown|TooManyRequests|Throttling)/.test(error.code);
  const why = isLimit ? "asks for fewer requests" : "failed";
  const told = new AppError(
    "store-failed",
    `could not ${failure.what}: ${failure.host} ${why} (${describe(failure, error)})`,
    {
      hint: "run again later: what was stored is kept",
      retryable: true,
    },
  );
  const passing = { kind: "retry", error: told, afterMs: failure.retryAfterMs } as const;
  return isLimit ? { ...passing, limited: "account" } : passing;
}

function failureOf(failure: S3Failure, error: S3Error): AppError {
  const { what, status, bucket, host } = failure;
  const fail = (code: ErrorCode, why: string, hint: string): AppError =>
    new AppError(code, `could not ${what}: ${why}`, { hint });
  const region = error.region ?? failure.bucketRegion;
  if (isSkewed(failure, error)) {
    const [here, there] = [failure.now, failure.date].map((time) =>
      time === undefined ? "another time" : new Date(time).toISOString(),
    );
    const why = `the clock of this machine is wrong: it says ${here}, and ${host} says ${there}`;
    return fail("unauthorized", why, "set the clock of this machine, as with: timedatectl set-ntp true");
  }
  if (
    (status >= 300 && status < 400) ||
    error.code === "AuthorizationHeaderMalformed" ||
    error.code === "IncorrectEndpoint"
  ) {
    if (region !== undefined && region !== failure.region) {
      return fail(
        "store-failed",
        `the bucket ${bucket} is in the region ${visible(region)}, and not in ${failure.region}`,
        `set region: ${visible(region)} in the config, or AWS_REGION, and an endpoint of that region`,
      );
    }
    return fail(
      "store-failed",
      `${host} is not where the bucket ${bucket} is (${describe(failure, error)})`,
      "check the endpoint and the region",
    );
  }
  if (error.code === "NoSuchBucket") {
    return fail(
      "store-failed",
      `there is no bucket ${bucket} at ${host}`,
      "create the bucket, or check the store and the endpoint",
    );
  }
  if (status === 507 || /QuotaExceeded|StorageFull/.test(error.code)) {
    return fail(
      "disk-full",
      `${host} takes no more (${describe(failure, error)})`,
      "make room there, and run again: what was stored is kept",
    );
  }
  if (status === 401 || status === 403 || CREDENTIAL_CODES.has(error.code)) return refused(failure, error);
  if (error.code === "") {
    return fail(
      "store-failed",
      `${host} does not answer as object storage (HTTP ${status})`,
      "check the endpoint, and proxies on the way to it",
    );
  }
  return fail("store-failed", `${host} refused it (${describe(failure, error)})`, "check the store and the endpoint");
}

const CREDENTIAL_CODES: ReadonlySet<string> = new Set(["ExpiredToken", "InvalidToken", "TokenRefreshRequired"]);

function refused(failure: S3Failure, error: S3Error): AppError {
  const { what, bucket, host } = failure;
  const fail = (why: string, hint: string): AppError =>
    new AppError("unauthorized", `could not ${what}: ${why}`, { hint });
  switch (error.code) {
    case "SignatureDoesNotMatch":
      return fail(
        `the secret access key does not belong to the access key id (${host}: SignatureDoesNotMatch)`,
        CREDENTIALS_HINT,
      );
    case "InvalidAccessKeyId":
      return fail(`${host} does not know the access key id`, CREDENTIALS_HINT);
    case "ExpiredToken":
    case "InvalidToken":
    case "TokenRefreshRequired":
      return fail(
        `${host} does not take the session token any more (${error.code})`,
        "set AWS_SESSION_TOKEN, and its keys, anew",
      );
    default:
      return fail(
        `${host} does not allow it (${describe(failure, error)})`,
        `the keys must be allowed to list ${bucket}, and to read, write and delete objects in it`,
      );
  }
}

function isSkewed({ status, date, now }: S3Failure, { code }: S3Error): boolean {
  if (code === "RequestTimeTooSkewed") return true;
  return (status === 403 || status === 401) && date !== undefined && Math.abs(date - now) > SKEW_MS_MAX;
}

/** `503 SlowDown: Please reduce your request rate`, for people. */
function describe({ status }: S3Failure, { code, message }: S3Error): string {
  if (code === "") return `HTTP ${status}`;
  return visible(`HTTP ${status}, ${code}${message === "" ? "" : `: ${message}`}`.slice(0, 300));
}

function parseS3Error(body: string): S3Error {
  const error = parseXml(body);
  if (error?.name !== "Error") return { code: "", message: "", region: undefined };
  const [code = "", message = "", region] = ["Code", "Message", "Region"].map((name) => childText(error, name)?.trim());
  return { code, message, region };
}
