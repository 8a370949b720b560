// The part of a namespace that a replica shows: the keys under a prefix, known without it on this side of the API.

import { type Key, keyFault, type KeyFault, parseKey } from "../../core/key.ts";
import { KEY_BYTES_MAX } from "../../core/limits.ts";
import { type Problem, problem } from "../../core/problem.ts";

/** The key in the namespace for a key of the replica. */
export function fullKey(prefix: string, key: Key): Key | Problem {
  if (prefix === "") return key;
  const full = parseKey(prefix + key);
  if (full !== undefined) return full;
  return problem("key-invalid", key, `has over ${KEY_BYTES_MAX} bytes with the prefix "${prefix}"`);
}

/** The key of the replica for a name in the namespace, which begins with `prefix`. */
export function restKey(prefix: string, name: string): Key | Problem {
  const rest = prefix === "" ? name : name.slice(prefix.length);
  const fault = keyFault(rest);
  return fault === undefined ? (rest as Key) : problem("key-invalid", name, FAULTS[fault]);
}

const FAULTS: Readonly<Record<KeyFault, string>> = {
  empty: "is the prefix itself, so no name is left for it",
  dot: "is . or .. without the prefix, which is no legal key",
  "too-long": `has over ${KEY_BYTES_MAX} bytes`,
  "lone-surrogate": "is not valid Unicode",
};
