// The write of one value, which may be long: it goes into the store while it arrives, and takes its key's place when all of it is there.

import { success } from "../answer.ts";
import { parseExpiration, parseMetadata } from "../attributes.ts";
import { isMultipart, type MetadataField, receiveForm } from "../multipart.ts";
import { receiveBody } from "../receive-value.ts";
import { malformedBody, metadataTooLong, namespaceNotFound, valueTooLong } from "../refusal.ts";
import { type ArrivingHandler, checkAsker, findNamespace, parseRouteKey, writableStore } from "./operation.ts";

/** Only `multipart/form-data` is looked into; whatever other type it says it is, a body is the value as it stands. */
export const writeValue: ArrivingHandler = async (deps, { route, query, contentType, body, ...request }) => {
  const store = writableStore(deps);
  const { id } = await findNamespace(deps, route, "put");
  const key = parseRouteKey(route, "put");
  const asked = { expiration: query.get("expiration") || undefined, ttl: query.get("expiration_ttl") || undefined };
  parseExpiration(asked, request.now(), "put"); // what will be refused is not stored first
  const form = isMultipart(contentType)
    ? await receiveForm(contentType, body, store)
    : { value: await receiveBody(body, store), metadata: undefined };
  checkAsker(deps);
  const writtenAt = request.now();
  const expiration = parseExpiration(asked, writtenAt, "put");
  if (form === undefined) throw malformedBody("put", "could not parse the multipart form");
  const metadata = form.metadata === undefined ? null : metadataOf(form.metadata);
  if (form.value === undefined) {
    throw malformedBody("put", "multipart put request does not contain required form field 'value'");
  }
  if (form.value.kind === "too-long") throw valueTooLong(form.value.byteLength);
  deps.limits.write(id, [key]);
  const write = { key, value: form.value.value, metadata, expiration };
  if (!(await store.entries.write(id, [write], writtenAt))) throw namespaceNotFound("put");
  return success("null");
};

function metadataOf({ bytes, byteLength }: MetadataField): string | null {
  if (bytes === undefined) throw metadataTooLong(byteLength);
  return parseMetadata(bytes);
}
