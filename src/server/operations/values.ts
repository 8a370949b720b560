// The operations on one key: read, write and delete its value, read its metadata.

import { type Answer, success, valueAnswer } from "../answer.ts";
import { checkValueLength, parseExpiration, parseMetadata } from "../attributes.ts";
import { isMultipart, parseForm } from "../multipart.ts";
import { keyNotFound, malformedBody, namespaceNotFound } from "../refusal.ts";
import { wholeValue } from "../store/quoted.ts";
import {
  findNamespace,
  type OperationDeps,
  type OperationHandler,
  type OperationRequest,
  parseRouteKey,
  writableStore,
} from "./operation.ts";

export const readValue: OperationHandler = async (deps, { route, now }) => {
  const { id } = await findNamespace(deps, route, "get");
  const key = parseRouteKey(route, "get");
  deps.limits.use("reads", 1);
  const entry = await deps.store.entries.read(id, key, now);
  if (entry === undefined) throw keyNotFound("get");
  return valueAnswer(await wholeValue(entry.value), entry.expiration);
};

export const readMetadata: OperationHandler = async (deps, { route, now }) => {
  const { id } = await findNamespace(deps, route, "metadata");
  const key = parseRouteKey(route, "metadata");
  deps.limits.use("reads", 1);
  const entry = await deps.store.entries.readMetadata(id, key, now);
  if (entry === undefined) throw keyNotFound("metadata");
  return success(entry.metadata ?? "null");
};

/** Only `multipart/form-data` is looked into; whatever other type it says it is, a body is the value as it stands. */
export const writeValue: OperationHandler = async (deps, request) => {
  const { contentType, body } = request;
  writableStore(deps);
  if (!isMultipart(contentType)) return write(deps, request, { value: body, metadata: undefined });
  return write(deps, request, await parseForm(contentType, body));
};

interface WrittenParts {
  readonly value: Buffer | undefined;
  readonly metadata: Buffer | undefined;
}

async function write(
  deps: OperationDeps,
  { route, query, now }: OperationRequest,
  parts: WrittenParts | undefined,
): Promise<Answer> {
  const { id } = await findNamespace(deps, route, "put");
  const key = parseRouteKey(route, "put");
  const asked = { expiration: query.get("expiration") || undefined, ttl: query.get("expiration_ttl") || undefined };
  const expiration = parseExpiration(asked, now, "put");
  if (parts === undefined) throw malformedBody("put", "could not parse the multipart form");
  const metadata = parts.metadata === undefined ? null : parseMetadata(parts.metadata);
  if (parts.value === undefined) {
    throw malformedBody("put", "multipart put request does not contain required form field 'value'");
  }
  checkValueLength(parts.value);
  deps.limits.write(id, [key]);
  const write = { key, value: parts.value, metadata, expiration };
  if (!(await writableStore(deps).entries.write(id, [write], now))) throw namespaceNotFound("put");
  return success("null");
}

/** A key that is not there is deleted as well. */
export const deleteValue: OperationHandler = async (deps, { route, now }) => {
  const { entries } = writableStore(deps);
  const { id } = await findNamespace(deps, route, "remove key");
  const key = parseRouteKey(route, "remove key");
  deps.limits.use("deletes", 1);
  await entries.remove(id, [key], now);
  return success("null");
};
