// Values and pages for tests, from plain text.

import { isUtf8 } from "node:buffer";
import type { Clock, EpochSeconds } from "../../src/core/clock.ts";
import type { Entry } from "../../src/core/entry.ts";
import { fingerprintOf } from "../../src/core/fingerprint.ts";
import { type Key, parseKey } from "../../src/core/key.ts";
import type { Pages, Value, Write } from "../../src/replica/replica.ts";

export interface Attributes {
  readonly metadata?: string;
  readonly expiration?: number;
  readonly ttlSeconds?: number;
}

export function keyOf(text: string): Key {
  const key = parseKey(text);
  if (key === undefined) throw new Error(`not a legal key: ${JSON.stringify(text)}`);
  return key;
}

export function valueOf(clock: Clock, key: string, content: string | Uint8Array, attributes: Attributes = {}): Value {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  return { entry: entryOf(key, bytes, attributes), bytes, readAt: clock.now() };
}

export function entryOf(key: string, content: string | Uint8Array, attributes: Attributes = {}): Entry {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  return {
    key: keyOf(key),
    fingerprint: fingerprintOf(bytes),
    metadata: attributes.metadata,
    expiration: attributes.expiration as EpochSeconds | undefined,
    ttlSeconds: attributes.ttlSeconds,
    size: bytes.byteLength,
    signature: undefined,
    binary: !isUtf8(bytes),
  };
}

export function writeOf(clock: Clock, key: string, content: string | Uint8Array, attributes: Attributes = {}): Write {
  return { value: valueOf(clock, key, content, attributes), expected: undefined };
}

export async function* pagesOf<T>(...pages: readonly (readonly T[])[]): Pages<T> {
  yield* pages;
}

export async function collect<T>(pages: AsyncIterable<readonly T[]>): Promise<T[]> {
  const all: T[] = [];
  for await (const page of pages) all.push(...page);
  return all;
}
