// The operations on one key: read, write and delete its value, read its metadata.

import { type Answer, success, valueAnswer } from "../answer.ts";
import { checkValueLength, parseExpiration, parseMetadata } from "../attributes.ts";
import { isMultipart, parseForm } from "../multipart.ts";
import { keyNotFound, malformedBody, namespaceNotFound } from "../refusal.ts";
import {
  findNamespace,
  type OperationDeps,
  type OperationHandler,
  type OperationRequest,
  parseRouteKey,
  writableEntries,
} from "./operation.ts";

export const readValue: OperationHandler = async (deps, { route, now }) => {
  const namespace = findNamespace(deps, route, "get");
  const key = parseRouteKey(route, "get");
  deps.limits.use("reads", 1);
  const entry = await deps.entries.read(namespace.number, key, now);
  if (entry === undefined) throw keyNotFound("get");
  return valueAnswer(entry.bytes, entry.expiration);
};

export const readMetadata: OperationHandler = async (deps, { route, now }) => {
  const namespace = findNamespace(deps, route, "metadata");
  const key = parseRouteKey(route, "metadata");
  deps.limits.use("reads", 1);
  const entry = await deps.entries.readMetadata(namespace.number, key, now);
  if (entry === undefined) throw keyNotFound("metadata");
  return success(entry.metadata ?? "null");
};

/** Only `multipart/form-data` is looked into; whatever other type it says it is, a body is the value as it stands. */
export const writeValue: OperationHandler = async (deps, request) => {
  const { contentType, body } = request;
  writableEntries(deps);
  if (!isMultipart(contentType)) return write(deps, request, { value: body, metadata: undefined });
  return write(deps, request, await parseForm(contentType, body));
};

interface WrittenParts {
  readonly value: Buffer | undefined;
  readonly metadata: Buffer | undefined;
}

function write(deps: OperationDeps, { route, query, now }: OperationRequest, parts: WrittenParts | undefined): Answer {
  const namespace = findNamespace(deps, route, "put");
  const key = parseRouteKey(route, "put");
  const asked = { expiration: query.get("expiration") || undefined, ttl: query.get("expiration_ttl") || undefined };
  const expiration = parseExpiration(asked, now, "put");
  if (parts === undefined) throw malformedBody("put", "could not parse the multipart form");
  const metadata = parts.metadata === undefined ? null : parseMetadata(parts.metadata);
  if (parts.value === undefined) {
    throw malformedBody("put", "multipart put request does not contain required form field 'value'");
  }
  checkValueLength(parts.value);
  deps.limits.write(namespace.number, [key]);
  const written = writableEntries(deps).write(
    namespace.number,
    [{ key, value: parts.value, metadata, expiration }],
    now,
  );
  if (!written) throw namespaceNotFound("put");
  return success("null");
}

/** A key that is not there is deleted as well. */
export const deleteValue: OperationHandler = (deps, { route, now }) => {
  const entries = writableEntries(deps);
  const namespace = findNamespace(deps, route, "remove key");
  const key = parseRouteKey(route, "remove key");
  deps.limits.use("deletes", 1);
  entries.remove(namespace.number, [key], now);
  return success("null");
};
