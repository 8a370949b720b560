// A saved action as JSON that a person can read: a line of a plan file. It names versions by their fingerprints, and holds no
// value.

import type { EpochSeconds } from "../../core/clock.ts";
import type { Entry } from "../../core/entry.ts";
import { AppError } from "../../core/errors.ts";
import { type Fingerprint, parseFingerprint } from "../../core/fingerprint.ts";
import { type Key, parseKey } from "../../core/key.ts";
import { isJsonObject } from "../../core/json.ts";
import { parseJsonText } from "../../core/json-text.ts";
import type { Json } from "../../core/json-value.ts";
import type { RemoveAction, WriteAction } from "./action.ts";
import type { SavedAction } from "./follow-plan.ts";

/** `{"action":"write","to":"destination","key":"a","version":{...},"replaces":{...},"save":true}` */
export function encodeSavedAction(action: WriteAction | RemoveAction): string {
  const { kind, to, key, replaces, save } = action;
  return JSON.stringify({
    action: kind,
    to,
    key,
    ...(action.kind === "write" && { version: versionFields(action.from) }),
    ...(replaces !== undefined && { replaces: versionFields(replaces) }),
    save,
    ...(action.kind === "write" && action.conflict !== undefined && { conflict: action.conflict }),
  });
}

function versionFields({ fingerprint, metadata, expiration, ttlSeconds, size, binary }: Entry): object {
  return { fingerprint, size, metadata, expiration, ttlSeconds, binary };
}

/** Throws AppError "usage" for what is no line of a plan. */
export function decodeSavedAction(line: string): SavedAction {
  const fields = parseObject(line);
  const { action: kind, to, key: name, version, replaces, save, conflict } = fields;
  const key = typeof name === "string" ? parseKey(name) : undefined;
  if ((kind !== "write" && kind !== "remove") || (to !== "source" && to !== "destination")) throw noAction(line);
  if (key === undefined || typeof save !== "boolean") throw noAction(line);
  if (conflict !== undefined && conflict !== "copy" && conflict !== "replace") throw noAction(line);
  return {
    kind,
    to,
    key,
    from: kind === "write" ? versionOf(key, version, line) : undefined,
    replaces: kind === "remove" || replaces !== undefined ? versionOf(key, replaces, line) : undefined,
    save,
    conflict,
  };
}

function parseObject(line: string): { readonly [name: string]: Json } {
  let value: Json;
  try {
    value = parseJsonText(line);
  } catch {
    throw noAction(line);
  }
  if (!isJsonObject(value)) throw noAction(line);
  return value;
}

function versionOf(key: Key, value: Json | undefined, line: string): Entry {
  if (!isJsonObject(value)) throw noAction(line);
  const { fingerprint, metadata, expiration, ttlSeconds, size, binary } = value;
  const isVersion =
    typeof fingerprint === "string" &&
    parseFingerprint(fingerprint) !== undefined &&
    isOptional(metadata, "string") &&
    isOptional(expiration, "number") &&
    isOptional(ttlSeconds, "number") &&
    isOptional(size, "number") &&
    isOptional(binary, "boolean");
  if (!isVersion) throw noAction(line);
  return {
    key,
    fingerprint: fingerprint as Fingerprint,
    metadata: metadata as string | undefined,
    expiration: expiration as EpochSeconds | undefined,
    ttlSeconds: ttlSeconds as number | undefined,
    size: size as number | undefined,
    signature: undefined,
    binary: binary as boolean | undefined,
  };
}

function isOptional(value: Json | undefined, type: "string" | "number" | "boolean"): boolean {
  return value === undefined || typeof value === type;
}

const SHOWN_MAX = 200;

function noAction(line: string): AppError {
  return new AppError("usage", `this line is no action of a plan: ${line.slice(0, SHOWN_MAX)}`, {
    hint: "make the plan again: kvsync plan --out FILE",
  });
}
