// The bulk delete, in both forms: POST /bulk/delete, and the deprecated DELETE /bulk which wrangler sends.

import { BULK_ITEMS_MAX } from "../../core/limits.ts";
import { checkKey } from "../attributes.ts";
import { malformedBody, tooManyItems } from "../refusal.ts";
import { bulkResult } from "./bulk-result.ts";
import { findNamespace, type OperationHandler, parseJsonBody, writableStore } from "./operation.ts";

const CALLER = "bulk remove keys";
const NOUN = "array of keys";

/** Keys that are not there count as deleted. */
export const bulkDelete: OperationHandler = async (deps, { route, body, now, meddling }) => {
  const { entries } = writableStore(deps);
  const { id } = await findNamespace(deps, route, CALLER);
  const items = parseJsonBody(body, CALLER, NOUN);
  if (!Array.isArray(items) || !items.every((item) => typeof item === "string")) {
    throw malformedBody(CALLER, `could not parse ${NOUN} from request body: it is no array of strings`);
  }
  if (items.length > BULK_ITEMS_MAX) throw tooManyItems(CALLER, items.length, "keys");
  for (const key of items) checkKey(key, CALLER);
  const keys = [...new Set(items)];
  deps.limits.use("deletes", keys.length);
  const outcome = meddling.bulk(keys);
  await entries.remove(id, outcome.applies === undefined ? keys : [...outcome.applies], now);
  return bulkResult(keys.length, outcome.unsuccessful);
};
