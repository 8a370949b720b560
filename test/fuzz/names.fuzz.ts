// Names both ways: every key has one path in each scheme, every path is of one key at most, and no two keys share one.

import type { NameScheme } from "../../src/core/names/name-scheme.ts";
import { decodePath, encodeKey, sidecarPath, valueSuffixedPath } from "../../src/core/names/path-codec.ts";
import { type FuzzOptions, hostileText, type Random, runCases } from "./random.ts";

export const name = "names";

const KEYS = 20;
const NAME_BYTES_MAX = 255;

export function run(options: FuzzOptions): Promise<number> {
  return runCases(name, options, checkNames);
}

function checkNames(random: Random): void {
  const scheme = random.pick<NameScheme>(["posix", "portable"]);
  const owners = new Map<string, string>();
  for (let i = 0; i < KEYS; i++) {
    const key = Array.from({ length: 1 + random.below(3) }, () => hostileText(random, 8)).join("/");
    if (!key.isWellFormed()) continue;
    const paths = [encodeKey(key, scheme), valueSuffixedPath(key, scheme), sidecarPath(key, scheme)] as const;
    expectSame(decodePath(paths[0], scheme), { kind: "value", key, suffixed: false }, paths[0]);
    expectSame(decodePath(paths[1], scheme), { kind: "value", key, suffixed: true }, paths[1]);
    expectSame(decodePath(paths[2], scheme), { kind: "sidecar", key }, paths[2]);
    for (const path of paths) {
      const owner = owners.get(path);
      if (owner !== undefined && owner !== key) throw new Error(`${JSON.stringify([owner, key])} share ${path}`);
      owners.set(path, key);
      for (const part of path.split("/"))
        if (["", ".", ".."].includes(part) || part.includes("\0") || Buffer.byteLength(part) > NAME_BYTES_MAX)
          throw new Error(`${JSON.stringify(key)} has the part ${JSON.stringify(part)}`);
    }
    checkPath(hostileText(random, 12), scheme);
  }
}

/** What decodes to a key is the path of that key, and of no other. */
function checkPath(path: string, scheme: NameScheme): void {
  if (path === "" || path.split("/").some((part) => ["", ".", ".."].includes(part))) return;
  const decoded = decodePath(path, scheme);
  if (decoded.kind === "value")
    expectSame((decoded.suffixed ? valueSuffixedPath : encodeKey)(decoded.key, scheme), path, path);
  if (decoded.kind === "sidecar") expectSame(sidecarPath(decoded.key, scheme), path, path);
}

function expectSame(found: unknown, expected: unknown, subject: string): void {
  const [a, b] = [JSON.stringify(found), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${JSON.stringify(subject)}: ${a} rather than ${b}`);
}
