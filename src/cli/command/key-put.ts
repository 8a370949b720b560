// `kvsync key put`: one value, with its metadata and expiration, stamped as sync stamps it, so that the next round
// knows the value without reading it.

import { isUtf8 } from "node:buffer";
import type { Command } from "commander";
import { AppError, visible } from "../../core/errors.ts";
import { fingerprintOf } from "../../core/fingerprint.ts";
import { VALUE_BYTES_MAX } from "../../core/limits.ts";
import { stampMetadata } from "../../core/stamp.ts";
import { renderByteCount } from "../../core/units.ts";
import { bodyOfBytes } from "../../kv/sized-body.ts";
import type { Start } from "../command-entry.ts";
import type { Context } from "../context.ts";
import {
  parseExpirationArgument,
  parseKeyArgument,
  parseMetadataArgument,
  parseTtlArgument,
} from "../input/key-argument.ts";
import { addNamespaceOption, type NamespaceOption, openWholeNamespace } from "../input/namespace-option.ts";
import { openInput } from "../input/open-input.ts";
import { summaryRecord } from "../render/summary.ts";

interface Options extends NamespaceOption {
  readonly path?: string;
  readonly metadata?: string;
  readonly ttl?: string;
  readonly expiration?: string;
  /** False with --no-stamp. */
  readonly stamp: boolean;
}

export function define(command: Command, start: Start): void {
  addNamespaceOption(command)
    .argument("<key>")
    .argument("[value]", "the value itself; else give --path")
    .option("--path <file>", "the value is what this file holds; - is stdin")
    .option("--metadata <json>", "metadata: any JSON, at most 1,024 bytes")
    .option("--ttl <duration>", "expires after this long: 300, 300s, 1h; at least 60s")
    .option("--expiration <time>", "expires then: seconds since 1970, or 2027-01-31T12:00:00Z")
    .option("--no-stamp", "do not keep the value's fingerprint in its metadata")
    .action((key: string, value: string | undefined, options: Options) =>
      start((context) => putKey(context, key, value, options)),
    );
}

async function putKey(context: Context, keyText: string, value: string | undefined, options: Options): Promise<void> {
  const { clock, output, signal } = context;
  const startedAt = clock.monotonic();
  const key = parseKeyArgument(keyText);
  const own = options.metadata === undefined ? undefined : parseMetadataArgument(options.metadata);
  const ttlSeconds = options.ttl === undefined ? undefined : parseTtlArgument(options.ttl);
  const expiration = options.expiration === undefined ? undefined : parseExpirationArgument(options.expiration, clock);
  if (ttlSeconds !== undefined && expiration !== undefined)
    throw new AppError("usage", "--ttl and --expiration cannot both hold", { hint: "give one of them" });
  if ((value === undefined) === (options.path === undefined)) {
    throw new AppError(
      "usage",
      value === undefined ? `there is no value for "${visible(key)}"` : "the value is given twice",
      {
        hint: "give the value itself, or --path FILE, or --path - for stdin",
      },
    );
  }
  const bytes = value === undefined ? await readValueBytes(context, options.path!) : Buffer.from(value);
  if (bytes.byteLength > VALUE_BYTES_MAX) throw tooLarge();

  const { account, api, namespace, label } = await openWholeNamespace(context, options);
  const stamp = { fingerprint: fingerprintOf(bytes), size: bytes.byteLength, binary: !isUtf8(bytes) };
  const metadata = options.stamp ? stampMetadata(own, stamp) : own;
  await api.writeValue(namespace.id, key, bodyOfBytes(bytes), { metadata, expiration, ttlSeconds }, { signal });
  output.report(`wrote "${visible(key)}" (${renderByteCount(bytes.byteLength)}) to ${label}`);
  const fields = { command: "key put", account: account.name, namespace: namespace.title, written: 1 };
  output.event(summaryRecord(fields, api.counts(), Math.round(clock.monotonic() - startedAt)));
}

/** All of the file, or of stdin for `-`; no more is read than a value may have. */
async function readValueBytes(context: Context, path: string): Promise<Buffer> {
  const input = openInput(context, path);
  if ((input.size ?? 0) > VALUE_BYTES_MAX) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  // A device or a pipe tells no size, and a file may grow: the bytes are counted as they come.
  for await (const chunk of input.read()) {
    size += chunk.byteLength;
    if (size > VALUE_BYTES_MAX) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function tooLarge(): AppError {
  return new AppError("usage", `the value has more than ${renderByteCount(VALUE_BYTES_MAX)}`, {
    hint: "that is the most that KV takes",
  });
}
