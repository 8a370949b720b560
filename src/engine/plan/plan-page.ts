// A page of a plan as bytes, for the spool: a JSON array of arrays, which is small, and quick to write and read.

import type { EpochSeconds } from "../../core/clock.ts";
import type { Entry } from "../../core/entry.ts";
import type { Fingerprint } from "../../core/fingerprint.ts";
import type { Key } from "../../core/key.ts";
import type { Action, Conflict, Target } from "./action.ts";

type EntryFields = [
  key: string,
  fingerprint?: string | null,
  metadata?: string | null,
  expiration?: number | null,
  ttlSeconds?: number | null,
  size?: number | null,
  binary?: boolean | null,
  mtimeMs?: number | null,
  ctimeMs?: number | null,
  inode?: number | null,
];

type ActionFields =
  | [
      "write",
      to: Target,
      from: EntryFields,
      replaces: EntryFields | null,
      save: boolean,
      ifDifferent: boolean,
      conflict: Conflict | null,
      isKnown: boolean,
    ]
  | ["remove", to: Target, replaces: EntryFields, save: boolean]
  | ["record", source: EntryFields, destination: EntryFields]
  | ["forget", key: string];

export function encodeActions(page: readonly Action[]): Uint8Array {
  return Buffer.from(JSON.stringify(page.map(actionFields)));
}

export function decodeActions(bytes: Uint8Array): Action[] {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  return (JSON.parse(text) as ActionFields[]).map(actionOf);
}

function actionFields(action: Action): ActionFields {
  switch (action.kind) {
    case "write": {
      const { kind, to, from, save, ifDifferent, conflict, isKnown } = action;
      const replaces = action.replaces === undefined ? null : entryFields(action.replaces);
      return [kind, to, entryFields(from), replaces, save, ifDifferent, conflict ?? null, isKnown];
    }
    case "remove":
      return ["remove", action.to, entryFields(action.replaces), action.save];
    case "record":
      return ["record", entryFields(action.source), entryFields(action.destination)];
    case "forget":
      return ["forget", action.key];
  }
}

function actionOf(fields: ActionFields): Action {
  switch (fields[0]) {
    case "write": {
      const from = entryOf(fields[2]);
      return {
        kind: "write",
        to: fields[1],
        key: from.key,
        from,
        replaces: fields[3] === null ? undefined : entryOf(fields[3]),
        save: fields[4],
        ifDifferent: fields[5],
        conflict: fields[6] ?? undefined,
        isKnown: fields[7],
      };
    }
    case "remove": {
      const [kind, to, replacesFields, save] = fields;
      const replaces = entryOf(replacesFields);
      return { kind, to, key: replaces.key, replaces, save };
    }
    case "record": {
      const source = entryOf(fields[1]);
      return { kind: "record", key: source.key, source, destination: entryOf(fields[2]) };
    }
    case "forget":
      return { kind: "forget", key: fields[1] as Key };
  }
}

function entryFields(entry: Entry): EntryFields {
  const { signature } = entry;
  const fields: EntryFields = [
    entry.key,
    entry.fingerprint ?? null,
    entry.metadata ?? null,
    entry.expiration ?? null,
    entry.ttlSeconds ?? null,
    entry.size ?? null,
    entry.binary ?? null,
    signature?.mtimeMs ?? null,
    signature?.ctimeMs ?? null,
    signature?.inode ?? null,
  ];
  // What is not there at the end need not be written: of a value without a stamp only the key is.
  while (fields.at(-1) === null) fields.pop();
  return fields;
}

/** By index: taking an array apart costs an object for each element. */
function entryOf(fields: EntryFields): Entry {
  const mtimeMs = fields[7] ?? undefined;
  return {
    key: fields[0] as Key,
    fingerprint: (fields[1] ?? undefined) as Fingerprint | undefined,
    metadata: fields[2] ?? undefined,
    expiration: (fields[3] ?? undefined) as EpochSeconds | undefined,
    ttlSeconds: fields[4] ?? undefined,
    size: fields[5] ?? undefined,
    signature:
      mtimeMs === undefined ? undefined : { size: fields[5]!, mtimeMs, ctimeMs: fields[8]!, inode: fields[9]! },
    binary: fields[6] ?? undefined,
  };
}
