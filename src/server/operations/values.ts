// The operations on one key but for its write: read and delete its value, read its metadata.

import { success, valueAnswer } from "../answer.ts";
import { keyNotFound } from "../refusal.ts";
import { findNamespace, type OperationHandler, parseRouteKey, writableStore } from "./operation.ts";

export const readValue: OperationHandler = async (deps, { route, now }) => {
  const { id } = await findNamespace(deps, route, "get");
  const key = parseRouteKey(route, "get");
  deps.limits.use("reads", 1);
  const entry = await deps.store.entries.read(id, key, now);
  if (entry === undefined) throw keyNotFound("get");
  return valueAnswer(entry);
};

export const readMetadata: OperationHandler = async (deps, { route, now }) => {
  const { id } = await findNamespace(deps, route, "metadata");
  const key = parseRouteKey(route, "metadata");
  deps.limits.use("reads", 1);
  const entry = await deps.store.entries.readMetadata(id, key, now);
  if (entry === undefined) throw keyNotFound("metadata");
  return success(entry.metadata ?? "null");
};

/** A key that is not there is deleted as well. */
export const deleteValue: OperationHandler = async (deps, { route, now }) => {
  const { entries } = writableStore(deps);
  const { id } = await findNamespace(deps, route, "remove key");
  const key = parseRouteKey(route, "remove key");
  deps.limits.use("deletes", 1);
  await entries.remove(id, [key], now);
  return success("null");
};
