// Who may do what: every operation with every kind of token, over real HTTP, as one table.

import { hash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { TokenGrant } from "../../../src/server/access/rights.ts";
import type { EpochMs } from "../../../src/core/clock.ts";
import { startTestServer, type TestServerOptions } from "../../support/server.ts";
import { rawCall } from "./kv-fixture.ts";

const sha256 = (token: string): string => hash("sha256", token, "hex");
const grant = (name: string, rest: Partial<TokenGrant> = {}): TokenGrant => ({
  name,
  sha256: sha256(name),
  access: "edit",
  ...rest,
});
const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

/** What an operation is about, by which what a token may do differs. */
type Kind = "accounts" | "list" | "read" | "write" | "create" | "rename";

/** In this order: the last takes the namespace away. */
const OPERATIONS: readonly (readonly [kind: Kind, method: string, path: string, body?: string])[] = [
  ["accounts", "GET", "/client/v4/accounts"],
  ["accounts", "GET", "/client/v4/memberships"],
  ["accounts", "GET", "/client/v4/user/tokens/verify"],
  ["list", "GET", "NAMESPACES"],
  ["create", "POST", "NAMESPACES", '{"title":"app-new"}'],
  ["read", "GET", "NAMESPACES/ID"],
  ["rename", "PUT", "NAMESPACES/ID", '{"title":"app-config-2"}'],
  ["read", "GET", "NAMESPACES/ID/keys"],
  ["read", "GET", "NAMESPACES/ID/values/k"],
  ["read", "HEAD", "NAMESPACES/ID/values/k"],
  ["read", "GET", "NAMESPACES/ID/metadata/k"],
  ["read", "POST", "NAMESPACES/ID/bulk/get", '{"keys":["k"]}'],
  ["read", "HEAD", "NAMESPACES/ID/changes"],
  ["write", "PUT", "NAMESPACES/ID/values/k", "new"],
  ["write", "PUT", "NAMESPACES/ID/bulk", '[{"key":"k","value":"new"}]'],
  ["write", "DELETE", "NAMESPACES/ID/values/other"],
  ["write", "POST", "NAMESPACES/ID/bulk/delete", '["other"]'],
  ["write", "DELETE", "NAMESPACES/ID/bulk", '["other"]'],
  ["write", "DELETE", "NAMESPACES/ID"],
];

const DONE = "200";
const NO_HEADERS = "400 9106";
const MALFORMED = "400 6003";
const REFUSED = "403 10000";
const NOT_THERE = "404 10013";

interface Row {
  readonly token: string;
  readonly options?: (id: string) => TestServerOptions;
  readonly headers: Readonly<Record<string, string>>;
  /** Before the operations. */
  readonly revoke?: boolean;
  readonly answers: Readonly<Record<Kind, string>>;
}

/** Of who may do everything, before the test and after it. */
const OWNER = "owner";

const all = (answer: string): Row["answers"] => ({
  accounts: answer,
  list: answer,
  read: answer,
  write: answer,
  create: answer,
  rename: answer,
});
const withTokens =
  (...tokens: readonly TokenGrant[]) =>
  (): TestServerOptions => ({ tokens });
const bad = all(REFUSED);

const TABLE: readonly Row[] = [
  { token: "none", options: withTokens(grant("ci")), headers: {}, answers: all(NO_HEADERS) },
  { token: "no bearer", options: withTokens(grant("ci")), headers: { authorization: "ci" }, answers: all(MALFORMED) },
  {
    token: "a key without its e-mail",
    options: withTokens(grant("ci")),
    headers: { "x-auth-key": "ci" },
    answers: all(MALFORMED),
  },
  { token: "unknown", options: withTokens(grant("ci")), headers: bearer("nobody"), answers: bad },
  { token: "the hash of one", options: withTokens(grant("ci")), headers: bearer(sha256("ci")), answers: bad },
  {
    token: "expired",
    options: withTokens(grant("ci", { expires: (Date.now() - 1) as EpochMs })),
    headers: bearer("ci"),
    answers: bad,
  },
  { token: "taken out", options: withTokens(grant("ci")), headers: bearer("ci"), revoke: true, answers: bad },
  {
    token: "read",
    options: withTokens(grant("ci", { access: "read" })),
    headers: bearer("ci"),
    answers: { accounts: DONE, list: DONE, read: DONE, write: REFUSED, create: REFUSED, rename: REFUSED },
  },
  { token: "edit", options: withTokens(grant("ci")), headers: bearer("ci"), answers: all(DONE) },
  {
    token: "edit, not expired yet",
    options: withTokens(grant("ci", { expires: (Date.now() + 60_000) as EpochMs })),
    headers: bearer("ci"),
    answers: all(DONE),
  },
  {
    token: "edit, as the key of an e-mail",
    options: withTokens(grant("ci")),
    headers: { "x-auth-email": "a@b.c", "x-auth-key": "ci" },
    answers: all(DONE),
  },
  {
    token: "of another account",
    options: withTokens(grant("ci", { accounts: ["other", "x*"] })),
    headers: bearer("ci"),
    answers: { ...bad, accounts: DONE },
  },
  {
    token: "of this account",
    options: withTokens(grant("ci", { accounts: ["test*"] })),
    headers: bearer("ci"),
    answers: all(DONE),
  },
  {
    token: "of other namespaces",
    options: withTokens(grant("ci", { namespaces: ["prod-*", "0".repeat(32)] })),
    headers: bearer("ci"),
    answers: { accounts: DONE, list: DONE, read: NOT_THERE, write: NOT_THERE, create: REFUSED, rename: NOT_THERE },
  },
  {
    token: "read, of other namespaces",
    options: withTokens(grant("ci", { access: "read", namespaces: ["prod-*"] })),
    headers: bearer("ci"),
    answers: { accounts: DONE, list: DONE, read: NOT_THERE, write: REFUSED, create: REFUSED, rename: REFUSED },
  },
  {
    token: "of namespaces with such a title",
    options: withTokens(grant("ci", { namespaces: ["prod", "app-*"] })),
    headers: bearer("ci"),
    answers: all(DONE),
  },
  {
    token: "of the namespace with this id",
    options: (id) => ({ tokens: [grant("ci", { namespaces: [id.toUpperCase()] })] }),
    headers: bearer("ci"),
    answers: { ...all(DONE), create: REFUSED, rename: REFUSED },
  },
  { token: "the only one", options: () => ({ token: OWNER }), headers: bearer(OWNER), answers: all(DONE) },
  { token: "another than the only one", options: () => ({ token: OWNER }), headers: bearer("x"), answers: bad },
  { token: "any, where any will do", headers: bearer("x"), answers: all(DONE) },
  { token: "none, where any will do", headers: {}, answers: all(NO_HEADERS) },
  { token: "any, asked for by another name", headers: { ...bearer("x"), host: "evil.example" }, answers: bad },
  { token: "any, from a page elsewhere", headers: { ...bearer("x"), origin: "https://evil.example" }, answers: bad },
];

describe.each(TABLE)("a token: $token", ({ options, headers, revoke, answers }) => {
  it("may do what the table says, and no more", async () => {
    const { server, call } = await open(options);
    if (revoke === true) server.setTokens([]);
    const told: [string, string, string][] = [];
    const expected: typeof told = [];
    for (const [kind, method, path, body] of OPERATIONS) {
      const { status, code } = await call(method, path, headers, body);
      told.push([method, path, code === undefined ? String(status) : `${status} ${code}`]);
      // The answer to HEAD has no body to tell a code.
      expected.push([method, path, method === "HEAD" ? answers[kind].slice(0, 3) : answers[kind]]);
    }
    expect(told).toEqual(expected);
    // What was refused was not done.
    server.setTokens([grant(OWNER)]);
    const left = await call("GET", "NAMESPACES?order=title", bearer(OWNER));
    const titles = left.result.map((namespace: { title: string }) => namespace.title);
    expect(titles).toEqual([
      ...(answers.write === DONE ? [] : ["app-config"]),
      ...(answers.create === DONE ? ["app-new"] : []),
      "zoo",
    ]);
    if (answers.write !== DONE) expect((await call("GET", "NAMESPACES/ID/values/k", bearer(OWNER))).text).toBe("v");
    await server.close();
  });
});

/** A server on which there are the namespaces app-config, with a key, and zoo. */
async function open(options: Row["options"]) {
  const { tokens, ...others } = options?.("") ?? {};
  // Each request comes from another address, or wrong tokens would be slowed.
  const server = await startTestServer({
    ...others,
    trustProxy: true,
    ...(tokens === undefined ? {} : { tokens: [grant(OWNER)] }),
  });
  const send = tokens === undefined ? server.token : OWNER;
  const base = new URL(server.namespacesUrl).pathname;
  const ids: string[] = [];
  let count = 0;
  const call = async (method: string, path: string, headers: Record<string, string>, body?: string) => {
    const target = path.replace("NAMESPACES", base).replace("ID", ids[0] ?? "");
    const type = body !== undefined && !path.includes("values") ? { "content-type": "application/json" } : {};
    const from = { "x-forwarded-for": `192.0.2.1, 198.51.100.${++count}` };
    const answer = await rawCall(server.port, method, target, { headers: { ...type, ...from, ...headers }, body });
    const isJson = answer.headers["content-type"] === "application/json" && answer.text !== "";
    const parsed = isJson ? JSON.parse(answer.text) : undefined;
    return { status: answer.status, code: parsed?.errors?.[0]?.code, result: parsed?.result, text: answer.text };
  };
  for (const title of ["app-config", "zoo"]) {
    const { result } = await call("POST", "NAMESPACES", bearer(send), JSON.stringify({ title }));
    ids.push(result.id);
  }
  await call("PUT", "NAMESPACES/ID/values/k", bearer(send), "v");
  const asked = options?.(ids[0] ?? "").tokens;
  if (asked !== undefined) server.setTokens(asked);
  return { server, call };
}
