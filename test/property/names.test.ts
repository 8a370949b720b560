// Names are a bijection: whatever the key, whatever the path.

import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, sep } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { NameScheme } from "../../src/core/names/name-scheme.ts";
import { decodePath, encodeKey, sidecarPath, valueSuffixedPath } from "../../src/core/names/path-codec.ts";
import { hostileText } from "../support/hostile-text.ts";

const schemes: readonly NameScheme[] = ["posix", "portable"];
const anyText = fc.oneof(fc.string({ unit: "binary", maxLength: 60 }), fc.string({ maxLength: 60 }), hostileText);
const name = hostileText
  .map((text) => text.replaceAll(/[\0/]/g, "_"))
  .filter((text) => !["", ".", ".."].includes(text) && Buffer.byteLength(text) <= 255);

describe.each(schemes)("names: %s", (scheme) => {
  it("give every key back", () => {
    fc.assert(
      fc.property(anyText, (key) => {
        expect(decodePath(encodeKey(key, scheme), scheme)).toEqual({ kind: "value", key, suffixed: false });
        expect(decodePath(valueSuffixedPath(key, scheme), scheme)).toEqual({ kind: "value", key, suffixed: true });
        expect(decodePath(sidecarPath(key, scheme), scheme)).toEqual({ kind: "sidecar", key });
      }),
      { numRuns: 3000 },
    );
  });

  it("give every path back that is a key's", () => {
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 4 }), (names) => {
        const path = names.join("/");
        const decoded = decodePath(path, scheme);
        if (decoded.kind === "value")
          expect((decoded.suffixed ? valueSuffixedPath : encodeKey)(decoded.key, scheme)).toBe(path);
        if (decoded.kind === "sidecar") expect(sidecarPath(decoded.key, scheme)).toBe(path);
      }),
      { numRuns: 3000 },
    );
  });

  it("are never two keys' at once", () => {
    fc.assert(
      fc.property(fc.uniqueArray(anyText, { maxLength: 40 }), (keys) => {
        const paths = keys.flatMap((key) => [
          encodeKey(key, scheme),
          valueSuffixedPath(key, scheme),
          sidecarPath(key, scheme),
        ]);
        expect(new Set(paths).size).toBe(keys.length * 3);
      }),
      { numRuns: 300 },
    );
  });

  it("stay below the root and within what file systems take", () => {
    fc.assert(
      fc.property(anyText, (key) => {
        for (const part of sidecarPath(key, scheme).split("/")) {
          expect(["", ".", ".."]).not.toContain(part);
          expect(part).not.toContain("\0");
          expect(Buffer.byteLength(part)).toBeLessThanOrEqual(255);
          if (scheme === "portable") expect(part).not.toMatch(FORBIDDEN_ON_WINDOWS);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

const FORBIDDEN_ON_WINDOWS =
  // oxlint-disable-next-line no-control-regex -- control characters are what this looks for
  /[\u0000-\u001f<>:"\\|?*]|[. ]$|^(con|prn|aux|nul|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3]) *(\.|$)/i;

it("names are the same on a real file system", () => {
  const root = mkdtempSync(join(tmpdir(), "kvsync-names-"));
  try {
    fc.assert(
      fc.property(fc.uniqueArray(hostileText, { minLength: 1, maxLength: 12 }), (keys) => {
        const folder = mkdtempSync(join(root, "t"));
        // The value's own suffix keeps the keys `a` and `a/b` apart.
        for (const key of keys) {
          const path = join(folder, valueSuffixedPath(key, "posix"));
          mkdirSync(dirname(path), { recursive: true });
          writeFileSync(path, key);
        }
        const found = readdirSync(folder, { recursive: true, withFileTypes: true })
          .filter((item) => item.isFile())
          .map((item) => relative(folder, join(item.parentPath, item.name)).split(sep).join("/"))
          .map((path) => decodePath(path, "posix"));
        expect(found.map((decoded) => (decoded.kind === "value" ? decoded.key : decoded)).sort()).toEqual(keys.sort());
        rmSync(folder, { recursive: true });
      }),
      { numRuns: 60 },
    );
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
