// Secrets in any text that leaves the process: as they are, and in the forms that other programs give them.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hideSecret, hideVariable, looksLikeToken, redact } from "../../../src/core/redact.ts";

describe("a secret", () => {
  it("is in no text, as it is, in a URL, in JSON or in base64", () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 8, maxLength: 60, unit: "grapheme-ascii" }),
        fc.string({ maxLength: 5 }),
        (raw, before) => {
          const secret = raw.trim();
          fc.pre(secret.length >= 8 && !/^\d+$/.test(secret));
          hideSecret(secret);
          expect(redact(`x ${secret} y`)).not.toContain(secret);
          expect(redact(encodeURIComponent(secret))).not.toContain(encodeURIComponent(secret));
          const told = redact(Buffer.from(`${before}${secret} after`).toString("base64"));
          expect(Buffer.from(told, "base64").toString()).not.toContain(secret);
        },
      ),
      { numRuns: 50 },
    );
  });

  it("is no short or common word, and no number", () => {
    for (const word of ["any", "token", "12345678"]) hideSecret(word);
    expect(redact("any token 12345678")).toBe("any token 12345678");
  });

  it("is what a variable holds whose name or look says so", () => {
    hideVariable("MY_TOK", "hunter2hunter2");
    hideVariable("HOME", "/home/somebody");
    expect(redact("hunter2hunter2 in /home/somebody")).toBe("[secret] in /home/somebody");
    expect(looksLikeToken("v1.0-abcdefghijklmnopqrstuvwxyz0123456789ABCD")).toBe(true);
    expect(looksLikeToken("0123456789abcdef0123456789abcdef")).toBe(false);
  });
});
