// Keys, lifetimes and metadata as they are typed on the command line.

import { type Clock, type EpochSeconds, parseEpochSeconds, toEpochSeconds } from "../../core/clock.ts";
import { AppError, visible } from "../../core/errors.ts";
import { canonicalJson, findJsonFault, parseJson } from "../../core/json.ts";
import { type Json } from "../../core/json-value.ts";
import { type Key, KEY_FAULTS, keyFault } from "../../core/key.ts";
import {
  EXPIRATION_AHEAD_SECONDS_MIN,
  EXPIRATION_SECONDS_PLAUSIBLE_MAX,
  KEY_BYTES_MAX,
  METADATA_BYTES_MAX,
} from "../../core/limits.ts";
import { parseDuration } from "../../core/units.ts";

/** Throws AppError "key-invalid". */
export function parseKeyArgument(text: string): Key {
  const fault = keyFault(text);
  if (fault === undefined) return text as Key;
  throw new AppError("key-invalid", `"${visible(text.slice(0, 80))}" is no key: ${KEY_FAULTS[fault]}`, {
    hint: `a key has 1 to ${KEY_BYTES_MAX} bytes`,
  });
}

/** Seconds to live: a duration, or bare seconds, as the API and wrangler have them. Throws "usage". */
export function parseTtlArgument(text: string): number {
  const parsed = parseDuration(/^\d+$/.test(text) ? `${text}s` : text);
  if (parsed.kind === "fault") throw new AppError("usage", `--ttl: ${parsed.message}`);
  const seconds = Math.floor(parsed.value / 1000);
  if (seconds >= EXPIRATION_AHEAD_SECONDS_MIN) return seconds;
  throw new AppError("usage", `--ttl: ${seconds} s is too short`, {
    hint: `a key lives for at least ${EXPIRATION_AHEAD_SECONDS_MIN} s`,
  });
}

/** When a key expires: seconds since 1970, or a time as in `2027-01-31T12:00:00Z`. Throws "usage". */
export function parseExpirationArgument(text: string, clock: Clock): EpochSeconds {
  const seconds = /^\d+$/.test(text)
    ? Number(text)
    : /^\d{4}-\d\d-\d\d(T.+(Z|[+-]\d\d:\d\d))?$/.test(text)
      ? parseTimeSeconds(text)
      : Number.NaN;
  const expiration = parseEpochSeconds(seconds);
  if (expiration === undefined) {
    throw new AppError("usage", `--expiration: "${visible(text)}" is no time`, {
      hint: "write seconds since 1970, or a time such as 2027-01-31T12:00:00Z",
    });
  }
  if (expiration > EXPIRATION_SECONDS_PLAUSIBLE_MAX) {
    throw new AppError("usage", `--expiration: ${expiration} is in milliseconds; KV takes seconds`, {
      hint: `write ${Math.floor(expiration / 1000)}`,
    });
  }
  if (expiration - toEpochSeconds(clock.now()) >= EXPIRATION_AHEAD_SECONDS_MIN) return expiration;
  throw new AppError(
    "usage",
    `--expiration: ${new Date(expiration * 1000).toISOString()} is not ${EXPIRATION_AHEAD_SECONDS_MIN} s ahead`,
    {
      hint: "milliseconds since 1970 are a common slip in the other direction: the API counts seconds",
    },
  );
}

/** NaN for a day that its month does not have: Date.parse takes 2027-02-31 for the 3rd of March. */
function parseTimeSeconds(text: string): number {
  const day = text.slice(0, 10);
  const midnight = Date.parse(day);
  if (Number.isNaN(midnight) || new Date(midnight).toISOString().slice(0, 10) !== day) return Number.NaN;
  return Math.floor(Date.parse(text) / 1000);
}

/** JSON text, canonical; undefined for null, which is no metadata. Throws "usage". */
export function parseMetadataArgument(text: string): string | undefined {
  let json: Json;
  try {
    json = parseJson(text);
  } catch (error) {
    throw new AppError("usage", `--metadata is not JSON: ${visible((error as Error).message)}`, {
      hint: `quote it for the shell: --metadata '{"type":"page"}'`,
      cause: error,
    });
  }
  if (json === null) return undefined;
  const unfit = findJsonFault(json);
  if (unfit !== undefined) throw new AppError("usage", `--metadata ${unfit}`);
  const canonical = canonicalJson(json);
  const bytes = Buffer.byteLength(canonical);
  if (bytes <= METADATA_BYTES_MAX) return canonical;
  throw new AppError("usage", `--metadata is ${bytes} bytes of JSON`, {
    hint: `metadata has at most ${METADATA_BYTES_MAX}`,
  });
}
