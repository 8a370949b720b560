// The ways round a refused path. A key stands in the path of the requests about it alone, and something before the API (a
// firewall, a proxy) may refuse a path for what it looks like: `pic...png`. In a bulk request the key stands in the body.
// So what was refused in this way is asked for once more, as a bulk request of one key; it is a request like any other, and
// is counted.

import { visible } from "../core/errors.ts";
import type { BulkResult, BulkValue, KvApi, ListedKey, SizedBody, ValueStream } from "./kv-api.ts";
import { isRefusal, KvError } from "./kv-error.ts";
import { base64PairText } from "./pair-text.ts";
import { bodyOfBytes } from "./sized-body.ts";

/** The least that the API's documentation allows. */
const LIST_LIMIT_MIN = 10;
const VALUE_IN_THE_WAY: ReadonlySet<KvError["code"]> = new Set(["not-text", "request-too-large"]);

type KeyOperations = Pick<KvApi, "readMetadata" | "readValue" | "writeValue" | "deleteValue">;

/** The operations of `api` that are about one key, which take the way round once its path was refused. */
export function openWaysRound(api: KvApi): KeyOperations {
  async function getOne(...[id, key, options]: Parameters<KvApi["readValue"]>): Promise<BulkValue | null> {
    return (await api.bulkGet(id, [key], options)).get(key) ?? null;
  }
  async function listOne(...[id, key, options]: Parameters<KvApi["readMetadata"]>): Promise<ListedKey | undefined> {
    // Of what begins with the key, the key itself is first.
    const { keys } = await api.listKeys(id, { prefix: key, limit: LIST_LIMIT_MIN }, { priority: "edit", ...options });
    return keys.find(({ name }) => name === key);
  }
  return {
    readMetadata: (id, key, options) =>
      goRound(
        () => api.readMetadata(id, key, options),
        async () => {
          try {
            const found = await getOne(id, key, options);
            return found === null ? undefined : (found.metadata ?? null);
          } catch (error) {
            // The key exists. Its value is nothing that was asked for, and a listing tells metadata without it.
            if (!(error instanceof KvError) || !VALUE_IN_THE_WAY.has(error.code)) throw error;
            const listed = await listOne(id, key, options);
            if (listed === undefined) throw error;
            return listed.metadata ?? null;
          }
        },
      ),
    readValue: (id, key, options) =>
      goRound(
        () => api.readValue(id, key, options),
        async () => {
          const found = await getOne(id, key, options);
          return found === null ? undefined : streamOf(found, key);
        },
      ),
    writeValue: (id, key, value, attributes, options) =>
      goRound(
        () => api.writeValue(id, key, value, attributes, options),
        async () => {
          const { metadata, expiration, ttlSeconds } = attributes;
          const pair = base64PairText({ key, bytes: await bytesOf(value), metadata, expiration, ttlSeconds });
          const body = bodyOfBytes(Buffer.from("["), pair, Buffer.from("]"));
          confirm(await api.bulkWrite(id, body, options), `write key "${visible(key)}"`);
        },
      ),
    deleteValue: (id, key, options) =>
      goRound(
        () => api.deleteValue(id, key, options),
        async () => confirm(await api.bulkDelete(id, [key], options), `delete key "${visible(key)}"`),
      ),
  };
}

async function goRound<T>(direct: () => Promise<T>, round: () => Promise<T>): Promise<T> {
  try {
    return await direct();
  } catch (first) {
    if (!(first instanceof KvError) || first.beforeApi === undefined) throw first;
    try {
      return await round();
    } catch (second) {
      const why = whyNot(second);
      if (why === undefined) throw second;
      const { message, status, hint } = first;
      const beforeApi = `${first.beforeApi}; ${why}`;
      throw new KvError("api-error", `${message}; ${why}`, {
        status,
        beforeApi,
        cause: second,
        ...(hint !== undefined && { hint }),
      });
    }
  }
}

/** Why a bulk request is no way round for this key. Undefined: what went wrong is not about the key. */
function whyNot(error: unknown): string | undefined {
  if (!(error instanceof KvError)) return undefined;
  const { code } = error;
  if (code === "not-text") return "a bulk get, the only other way, takes no value that is not text";
  if (code === "request-too-large") return "a bulk request, the only other way, takes none so large";
  if (code === "unsupported") return "a bulk request, the only other way, is unknown to the server";
  return isRefusal(error) ? "a bulk request, the only other way, was refused, too" : undefined;
}

function streamOf({ bytes, expiration }: BulkValue, key: string): ValueStream {
  if (bytes === undefined) throw new KvError("not-text", `could not read key "${visible(key)}": its value is not text`);
  async function* body(): AsyncGenerator<Uint8Array, void> {
    yield bytes!;
  }
  return { expiration, body: body(), bytes: () => Promise.resolve(bytes) };
}

async function bytesOf(value: SizedBody): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of value.chunks()) chunks.push(chunk);
  return Buffer.concat(chunks, value.byteLength);
}

function confirm({ successfulCount, unsuccessfulKeys }: BulkResult, what: string): void {
  if (unsuccessfulKeys.length === 0 && successfulCount !== 0) return;
  throw new KvError("api-error", `could not ${what}: the API reported it as unsuccessful`, { retryable: true });
}
