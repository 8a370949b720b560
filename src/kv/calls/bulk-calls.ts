// Calls about many keys at once.

import { parseBulkResult, parseBulkValues } from "../answers.ts";
import { scanBulkValues } from "../bulk-get-answer.ts";
import { parseEnvelope } from "../envelope.ts";
import type { KvApi } from "../kv-api.ts";
import type { Call } from "../request-loop.ts";
import { bodyOfText } from "../sized-body.ts";
import { type Caller, JSON_TYPE, request } from "./caller.ts";

type BulkApi = Pick<KvApi, "bulkWrite" | "bulkDelete" | "bulkGet">;

export function bulkCalls(caller: Caller): BulkApi {
  const { paths } = caller;
  return {
    bulkWrite: async (id, body, callOptions) => {
      const what = `write a batch to namespace ${id}`;
      const path = paths.bulk(id);
      const call: Call = {
        operation: "bulkWrite",
        what,
        method: "PUT",
        path,
        body,
        contentType: JSON_TYPE,
        namespaceId: id,
        retryTimeouts: false,
      };
      return parseBulkResult((await request(caller, call, callOptions)).result, what);
    },

    bulkDelete: async (id, keys, callOptions = {}) => {
      const what = `delete a batch from namespace ${id}`;
      const isOld = callOptions.form === "delete";
      const call: Call = {
        operation: "bulkDelete",
        what,
        method: isOld ? "DELETE" : "POST",
        path: isOld ? paths.bulk(id) : paths.bulk(id, "delete"),
        body: bodyOfText(JSON.stringify(keys)),
        contentType: JSON_TYPE,
        namespaceId: id,
        retryTimeouts: false,
      };
      return parseBulkResult((await request(caller, call, callOptions)).result, what);
    },

    bulkGet: async (id, keys, callOptions) => {
      const what = `read a batch from namespace ${id}`;
      const body = bodyOfText(JSON.stringify({ keys, type: "text", withMetadata: true }));
      const path = paths.bulk(id, "get");
      let values: ReturnType<typeof scanBulkValues>;
      const call: Call = {
        operation: "bulkGet",
        what,
        method: "POST",
        path,
        body,
        contentType: JSON_TYPE,
        namespaceId: id,
        retryTimeouts: false,
        parse: (bytes) => {
          values = scanBulkValues(bytes, keys);
          return values === undefined ? parseEnvelope(bytes) : { kind: "success", result: null, info: {} };
        },
      };
      const { result } = await request(caller, call, callOptions);
      return values ?? parseBulkValues(result, keys, what);
    },
  };
}
