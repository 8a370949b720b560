// The file of tokens: what is in it, what is refused, and that no message shows a token.

import { describe, expect, it } from "vitest";
import { AppError } from "../../../src/core/errors.ts";
import { parseTokensFile } from "../../../src/config/tokens-file.ts";

const A = "a".repeat(64);
const B = "0".repeat(64);

const parse = (text: string) => parseTokensFile(text, "tokens.yaml", {});

function refusal(text: string): AppError {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error("it was taken");
}

it("names tokens by their hashes, and what each may do", () => {
  const text = `
tokens:
  ci: { sha256: ${A.toUpperCase()}, access: edit }
  app:
    sha256: ${B}
    access: read
    accounts: [dev, team-*, 0123]
    namespaces: ["app-*", 0f2441b3a9c84d5e8f0a6b7c9d1e2f30]
    expires: 2027-01-01T12:00+02:00
`;
  expect(parse(text)).toEqual([
    { name: "ci", sha256: A, access: "edit" },
    {
      name: "app",
      sha256: B,
      access: "read",
      accounts: ["dev", "team-*", "0123"],
      namespaces: ["app-*", "0f2441b3a9c84d5e8f0a6b7c9d1e2f30"],
      expires: Date.parse("2027-01-01T10:00Z"),
    },
  ]);
});

it("may be JSON, and name nobody", () => {
  expect(parse(`{"tokens":{"ci":{"sha256":"${A}","access":"read","expires":"2027-01-01"}}}`)).toMatchObject([
    { expires: Date.parse("2027-01-01T00:00Z") },
  ]);
  expect(parse("tokens: {}")).toEqual([]);
});

describe("is refused", () => {
  it.each([
    ["", "1:1: is empty: write tokens: {} for none"],
    ["tokens: [x]", "1:1: tokens must be a group of names, not a list"],
    ["tokens: { ci: { access: read } }", "1:11: sha256 is missing"],
    [`tokens: { ci: { sha256: ${A} } }`, "access is missing"],
    [`tokens: { ci: { sha256: ${A}, access: write } }`, "access must be read or edit\n"],
    [`tokens: { ci: { sha256: ${A}, acess: read } }`, 'unknown key "acess"; did you mean "access"?'],
    [`tokens: { ci: { sha256: ${A}, access: read, expires: 2027-02-30 } }`, "expires is no day"],
    [`tokens: { ci: { sha256: ${A}, access: read, expires: 2027-01-01T18:00 } }`, "expires is no day"],
    [`tokens: { ci: { sha256: ${A}, access: read, namespaces: [] } }`, "namespaces must name a namespace"],
    [`tokens: { ci: { sha256: ${A}, access: read, namespaces: ["!a"] } }`, 'namespaces 1 begins with "!"'],
    [`tokens: { ci: { sha256: ${A}, access: read, accounts: [a/b] } }`, "accounts 1 is neither the id"],
    [`tokens: { "c i": { sha256: ${A}, access: read } }`, '"c i" is no name'],
    [
      `tokens:\n  a: { sha256: ${A}, access: read }\n  b: { sha256: ${A.toUpperCase()}, access: read }`,
      '3:16: "b" and "a" are the same token',
    ],
    [`tokens:\n  a: { sha256: ${A}, access: read }\n  a: { sha256: ${B}, access: read }`, "3:3: is not valid YAML"],
    [
      "tokens: { ci: { sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855, access: read } }",
      "sha256 is the SHA-256 of nothing",
    ],
  ])("%j: %s", (text, message) => {
    expect(refusal(text)).toMatchObject({ code: "config-invalid", message: expect.stringContaining(message) });
  });

  it.each([
    ["in place of its hash", (token: string) => `tokens: { ci: { sha256: ${token}, access: read } }`],
    ["beside a hash that is cut off", (token: string) => `tokens:\n  ci:\n    sha256: '${token}\n    access: read`],
    ["under another key", (token: string) => `tokens: { ci: { token: ${token}, access: read } }`],
    ["under a key of no meaning", (token: string) => `tokens: { ci: { foo: "${token}", access: read } }`],
    ["as all there is", (token: string) => `tokens: { ci: ${token} }`],
    ["as what it may do", (token: string) => `tokens: { ci: { sha256: ${A}, access: ${token} } }`],
    ["without a name", (token: string) => `tokens:\n  - ${token}`],
    ["alone", (token: string) => token],
    ["on a line that is no YAML", (token: string) => `tokens:\n  ci: { sha256: x\n${token}\n`],
  ])("a token %s, and it is shown nowhere", (_, write) => {
    for (const token of ["hunter2", "kv_6f1d3b0c9a5e7f2408b1c6d9e3a7f5b20c4d8e1f6a9b3c7d"]) {
      const { message, hint } = refusal(write(token));
      expect(`${message}${hint}`).not.toContain(token);
    }
  });

  it("a token as a name, though all else is right", () => {
    const token = "kv_6f1d3b0c9a5e7f2408b1c6d9e3a7f5b20c4d8e1f6a9b3c7d";
    const { message } = refusal(`tokens: { ${token}: { sha256: ${A}, access: read } }`);
    expect(message).toContain("looks like a token itself");
    expect(message).not.toContain(token);
    expect(refusal(`tokens: { ${token}: edit }`).message).not.toContain(token);
  });

  it("says how a hash is made", () => {
    expect(refusal("tokens: { ci: { sha256: abc, access: read } }").message).toContain(
      'printf %s "$TOKEN" | sha256sum',
    );
  });
});
