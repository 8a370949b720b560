// The files of a key: where its value may lie (in place, or with a suffix beside a folder of its name), and its sidecar.

import type { NameScheme } from "../../core/names/name-scheme.ts";
import { isShortName } from "../../core/names/name-pieces.ts";
import { encodeKey, sidecarPath, valueSuffixedPath } from "../../core/names/path-codec.ts";
import { META_SUFFIX, MORE_SUFFIX, VALUE_SUFFIX } from "../../core/names/reserved-words.ts";

export interface Place {
  /** From the root: "" or names joined by "/". */
  readonly folder: string;
  readonly name: string;
}

export interface KeyFiles {
  readonly value: Place;
  readonly suffixed: Place;
  readonly sidecar: Place;
}

export function keyFiles(key: string, scheme: NameScheme): KeyFiles {
  const value = placeOf(encodeKey(key, scheme));
  const { folder, name } = value;
  // Nearly always all three names fit uncut into one folder.
  if (isShortName(name + VALUE_SUFFIX) && !folder.endsWith(MORE_SUFFIX)) {
    const suffixed = { folder, name: name + VALUE_SUFFIX };
    return { value, suffixed, sidecar: { folder, name: name + META_SUFFIX } };
  }
  return {
    value,
    suffixed: placeOf(valueSuffixedPath(key, scheme)),
    sidecar: placeOf(sidecarPath(key, scheme)),
  };
}

export function placeOf(path: string): Place {
  const at = path.lastIndexOf("/");
  return at < 0 ? { folder: "", name: path } : { folder: path.slice(0, at), name: path.slice(at + 1) };
}
