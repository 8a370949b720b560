// What became of a request that got no answer: one table. Whatever is not known to be our bug is the network's.

import { AssertionError } from "node:assert";
import { describe, expect, it } from "vitest";
import { AppError } from "../../../src/core/errors.ts";
import { BodySourceError, judgeNetworkError } from "../../../src/kv/network-error.ts";

const coded = (code: string, message = "of the system"): Error => Object.assign(new Error(message), { code });
const during = (syscall: string, code: string): Error => Object.assign(coded(code), { syscall });
const judge = (error: unknown) => judgeNetworkError(error, "do it", "api.test");

describe("a failure of the network", () => {
  it.each<[Error, kind: "retry" | "fail", text: string]>([
    [coded("ECONNREFUSED"), "retry", "the connection was refused"],
    [coded("EMFILE"), "retry", "this process has too many files open"],
    [coded("EAI_FAIL"), "retry", "the host name could not be looked up"],
    [coded("EACCES"), "fail", "this machine does not allow the connection"],
    [coded("UND_ERR_HEADERS_OVERFLOW"), "fail", "the answer has more headers than anybody reads"],
    [coded("UND_ERR_BODY_TIMEOUT"), "retry", "the answer stopped half-way, or came too slowly"],
    [coded("HPE_INVALID_CONSTANT", "Expected HTTP/"), "retry", "Expected HTTP/"],
    [Object.assign(new Error("bad"), { name: "HTTPParserError" }), "retry", "the answer is not HTTP"],
    [coded("EWHATEVER", "nobody has seen\u001b this"), "retry", "nobody has seen\\x1b this"],
    [coded("UND_ERR_NEW_OF_NEXT_YEAR", "something new"), "retry", "something new"],
    [coded("EWORDLESS", ""), "retry", "EWORDLESS"],
    [new Error("no code at all"), "retry", "no code at all"],
    [new AggregateError([coded("ENETUNREACH"), coded("ECONNREFUSED")], ""), "retry", "the network cannot be reached"],
    [new TypeError("fetch failed", { cause: coded("ECONNRESET") }), "retry", "the connection was reset"],
    [coded("UND_ERR_ABORTED", "Proxy response (407) !== 200 when HTTP Tunneling"), "fail", "the proxy answered 407"],
    [coded("UND_ERR_ABORTED", "Proxy response (503) !== 200 when HTTP Tunneling"), "retry", "the proxy answered 503"],
    [coded("UND_ERR_INVALID_ARG", "Proxy Authentication Required (407)"), "fail", "the proxy answered 407"],
  ])("%s is told, and tried again where that can help", (error, kind, text) => {
    const verdict = judge(error);
    expect(verdict).toMatchObject({ kind, error: { code: "network", retryable: kind === "retry" } });
    expect((verdict as { readonly error: Error }).error.message).toBe(`could not do it: ${text} (api.test)`);
  });

  it.each([
    "CERT_HAS_EXPIRED",
    "INVALID_PURPOSE",
    "INVALID_CA",
    "ERR_TLS_CERT_ALTNAME_INVALID",
    "ERR_OSSL_X509_CERT_ALREADY_IN_HASH_TABLE",
    "ERR_SSL_WRONG_VERSION_NUMBER",
    "CRL_HAS_EXPIRED",
    "PATH_LENGTH_EXCEEDED",
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
    "EPROTO",
  ])("%s is no trusted connection, and lasts", (code) => {
    const verdict = judge(coded(code, "unsuitable certificate purpose"));
    expect(verdict).toMatchObject({ kind: "fail", error: { code: "network", retryable: false } });
    expect((verdict as { readonly error: Error }).error.message).toContain(
      `no trusted connection to api.test (${code})`,
    );
  });

  it.each<[Error, unsent: boolean]>([
    [coded("ECONNREFUSED"), true],
    [coded("ENOTFOUND"), true],
    [coded("EAI_AGAIN"), true],
    [coded("EMFILE"), true],
    [coded("UND_ERR_CONNECT_TIMEOUT"), true],
    [during("connect", "ETIMEDOUT"), true],
    [during("connect", "ENETUNREACH"), true],
    [during("getaddrinfo", "EAI_NODATA"), true],
    [new AggregateError([coded("ECONNREFUSED"), during("connect", "ENETUNREACH")], ""), true],
    [coded("UND_ERR_ABORTED", "Proxy response (503) !== 200 when HTTP Tunneling"), true],
    [new AggregateError([coded("ECONNREFUSED"), coded("ECONNRESET")], ""), false],
    [during("read", "ETIMEDOUT"), false],
    [during("read", "ECONNRESET"), false],
    [during("write", "EPIPE"), false],
    [coded("UND_ERR_SOCKET"), false],
    [coded("UND_ERR_HEADERS_TIMEOUT"), false],
    [coded("EWHATEVER"), false],
    [new Error("no code at all"), false],
  ])("%s: what was asked for was certainly not carried out: %s", (error, unsent) => {
    expect(judge(error)).toMatchObject({ error: { unsent } });
  });

  it("of TLS without a code is known by its text", () => {
    expect(judge(new Error("unsupported certificate purpose"))).toMatchObject({ kind: "fail" });
  });
});

describe("what is known to be ours", () => {
  it.each([
    new AssertionError({ message: "no" }),
    new TypeError("x is not a function"),
    new ReferenceError("x is not defined"),
    coded("UND_ERR_INVALID_ARG", "invalid path"),
    coded("UND_ERR_REQ_CONTENT_LENGTH_MISMATCH"),
    new AppError("io", "could not read the file"),
  ])("%s stays what it is", (error) => {
    expect(() => judge(error)).toThrow(error);
  });

  it("is what the source of a body threw", () => {
    const cause = new Error("the disk is gone");
    expect(() => judge(new BodySourceError("it failed", { cause }))).toThrow(cause);
  });
});
