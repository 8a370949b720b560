// Calls about keys, one at a time, and lists of them.

import { visible } from "../../core/errors.ts";
import { LIST_PAGE_KEYS_MAX } from "../../core/limits.ts";
import { parseKeysPage } from "../answers.ts";
import type { KvApi } from "../kv-api.ts";
import { multipartBody } from "../multipart.ts";
import type { Call, CallResult } from "../request-loop.ts";
import type { RetryOptions } from "../retry-course.ts";
import { openValueStream } from "../value-stream.ts";
import { type Caller, request } from "./caller.ts";

type ValueApi = Pick<KvApi, "listKeys" | "readMetadata" | "readValue" | "writeValue" | "deleteValue">;

/** `reads`: how a value that breaks off is read on. */
export function valueCalls(caller: Caller, reads: { readonly host: string; readonly retry: RetryOptions }): ValueApi {
  const { clock, paths, loop } = caller;
  return {
    listKeys: async (id, query, callOptions) => {
      const what = `list the keys of namespace ${id}`;
      const limit = query.limit === undefined ? undefined : Math.min(query.limit, LIST_PAGE_KEYS_MAX);
      const path = paths.keys(id, { prefix: query.prefix, limit, cursor: query.cursor });
      const answer = await request(
        caller,
        { operation: "list", what, method: "GET", path, namespaceId: id },
        callOptions,
      );
      return parseKeysPage(answer.result, answer.info, what);
    },

    readMetadata: async (id, key, callOptions = {}) => {
      const what = `read the metadata of key "${visible(key)}" in namespace ${id}`;
      const path = paths.metadata(id, key);
      const answer = await loop.run(
        { operation: "metadata", what, method: "GET", path, namespaceId: id },
        "json",
        callOptions,
      );
      return answer.kind === "success" ? (answer.result ?? null) : undefined;
    },

    readValue: async (id, key, callOptions = {}) => {
      const what = `read key "${visible(key)}" of namespace ${id}`;
      const call: Call = { operation: "read", what, method: "GET", path: paths.value(id, key), namespaceId: id };
      const read = (isRepeat: boolean): Promise<CallResult> => loop.run({ ...call, isRepeat }, "stream", callOptions);
      return openValueStream(read, {
        clock,
        ...reads,
        what,
        signal: callOptions.signal,
        intake: callOptions.intake,
      });
    },

    writeValue: async (id, key, value, attributes, callOptions) => {
      const what = `write key "${visible(key)}" to namespace ${id}`;
      const path = paths.value(id, key, attributes);
      const body =
        attributes.metadata === undefined
          ? { body: value, contentType: "application/octet-stream" }
          : multipartBody(value, attributes.metadata, clock);
      await request(caller, { operation: "write", what, method: "PUT", path, ...body, namespaceId: id }, callOptions);
    },

    deleteValue: async (id, key, callOptions) => {
      const what = `delete key "${visible(key)}" of namespace ${id}`;
      const path = paths.value(id, key);
      await request(caller, { operation: "delete", what, method: "DELETE", path, namespaceId: id }, callOptions);
    },
  };
}
