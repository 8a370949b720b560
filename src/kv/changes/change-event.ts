// The events of a change feed: which keys of a namespace changed, and where in the feed that was. docs/self-hosting.md has the feed as
// other clients see it.

import { visible } from "../../core/errors.ts";
import { isJsonObject } from "../../core/json.ts";
import type { Json } from "../../core/json-value.ts";
import { EventStreamError, type ServerEvent } from "./event-parser.ts";

/** A place in a feed: what is given to go on after it. Means nothing to anybody but the server. */
export type FeedCursor = string;

export type ChangeEvent =
  /** The feed goes on from where it was asked to, or begins now. */
  | { readonly kind: "ready"; readonly cursor: FeedCursor }
  /** They were written, removed, or expired. What they are now is to be asked for. */
  | { readonly kind: "changed"; readonly cursor: FeedCursor; readonly keys: readonly string[] }
  /** In place of `ready`: what changed until now cannot be told, so that all keys are to be looked at. */
  | { readonly kind: "reset"; readonly cursor: FeedCursor; readonly reason: string }
  /** The namespace is gone, and the feed ends. */
  | { readonly kind: "gone" };

const CURSOR = /^[A-Za-z0-9_.-]{1,200}$/;

/** Undefined: it is of a kind that this version does not know. Throws EventStreamError. */
export function parseChangeEvent({ name, data, id }: ServerEvent): ChangeEvent | undefined {
  switch (name) {
    case "ready":
      return { kind: "ready", cursor: cursorOf(id) };
    case "changed":
      return { kind: "changed", cursor: cursorOf(id), keys: keysOf(parseData(data)) };
    case "reset":
      return { kind: "reset", cursor: cursorOf(id), reason: reasonOf(parseData(data)) };
    case "gone":
      return { kind: "gone" };
    default:
      return undefined;
  }
}

function cursorOf(id: string | undefined): FeedCursor {
  if (id === undefined || !CURSOR.test(id)) throw new EventStreamError("an event has no cursor for its id");
  return id;
}

function parseData(data: string): Json {
  try {
    return JSON.parse(data) as Json;
  } catch (cause) {
    throw new EventStreamError("the data of an event is not JSON", { cause });
  }
}

function keysOf(data: Json): readonly string[] {
  const keys = isJsonObject(data) ? data["keys"] : undefined;
  if (!Array.isArray(keys) || !keys.every((key): key is string => typeof key === "string"))
    throw new EventStreamError("an event does not name its keys");
  return keys;
}

const REASON_CHARS_MAX = 200;

function reasonOf(data: Json): string {
  const reason = isJsonObject(data) ? data["reason"] : undefined;
  return typeof reason === "string" ? visible(reason.slice(0, REASON_CHARS_MAX)) : "the server did not say why";
}
