// Sidecars: the file `NAME%meta` with the metadata and the expiration of the key beside it, as JSON that people edit:
// {"metadata": any JSON, "expiration": epoch seconds}, either of them or both.

import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { type EpochSeconds, parseEpochSeconds } from "../../core/clock.ts";
import { canonicalJson, findJsonFault, isJsonObject, parseJson } from "../../core/json.ts";
import { type Json } from "../../core/json-value.ts";
import { EXPIRATION_SECONDS_PLAUSIBLE_MAX } from "../../core/limits.ts";
import { meantProperty } from "../../core/pair-properties.ts";
import { describeFault } from "./fs-fault.ts";

export interface Attributes {
  /** Canonical JSON text; undefined: none. */
  readonly metadata: string | undefined;
  readonly expiration: EpochSeconds | undefined;
}

export const NO_ATTRIBUTES: Attributes = { metadata: undefined, expiration: undefined };

export type SidecarOutcome =
  | { readonly kind: "attributes"; readonly attributes: Attributes }
  | { readonly kind: "fault"; readonly message: string };

/** Far above the 1,024 bytes that metadata may have; whoever writes it to KV judges that limit. */
const SIDECAR_BYTES_MAX = 65_536;
const PROPERTIES = new Set(["metadata", "expiration"]);

/** Reads the sidecar at `path`; a symbolic link is a fault. */
export function readSidecar(path: string): SidecarOutcome {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    return fault(`its sidecar cannot be read: ${describeFault(error)}`);
  }
  try {
    if (!fstatSync(fd).isFile()) return fault("its sidecar is no file");
    const buffer = Buffer.allocUnsafe(SIDECAR_BYTES_MAX + 1);
    const length = readSync(fd, buffer, 0, buffer.length, 0);
    if (length > SIDECAR_BYTES_MAX) return fault(`its sidecar has more than ${SIDECAR_BYTES_MAX} bytes`);
    return parseSidecar(buffer.subarray(0, length));
  } catch (error) {
    return fault(`its sidecar cannot be read: ${describeFault(error)}`);
  } finally {
    closeSync(fd);
  }
}

function parseSidecar(bytes: Uint8Array): SidecarOutcome {
  let json: Json;
  try {
    json = parseJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    return fault(`its sidecar is no JSON: ${(error as Error).message}`);
  }
  if (!isJsonObject(json)) return fault('its sidecar is no JSON object like {"metadata": ...}');
  for (const name of Object.keys(json))
    if (!PROPERTIES.has(name))
      return fault(`its sidecar has the property ${JSON.stringify(name)}; ${rightProperty(name)}`);
  const expiration = json["expiration"] === undefined ? undefined : parseEpochSeconds(json["expiration"]);
  if (json["expiration"] !== undefined && expiration === undefined)
    return fault(`its sidecar has the expiration ${JSON.stringify(json["expiration"])}, which is no epoch second`);
  if (expiration !== undefined && expiration > EXPIRATION_SECONDS_PLAUSIBLE_MAX)
    return fault(`its sidecar has the expiration ${expiration}, which is in milliseconds; KV takes seconds`);
  const { metadata } = json;
  const unfit = findJsonFault(metadata);
  if (unfit !== undefined) return fault(`its sidecar has metadata that ${unfit}`);
  // KV does not tell metadata `null` from none.
  return {
    kind: "attributes",
    attributes: {
      metadata: metadata === undefined || metadata === null ? undefined : canonicalJson(metadata),
      expiration,
    },
  };
}

function rightProperty(name: string): string {
  const meant = meantProperty(name) ?? name;
  if (meant === "expiration_ttl")
    return 'write "expiration", in seconds since 1970, or give the rule of the config an expiration_ttl';
  return PROPERTIES.has(meant) ? `its name is "${meant}"` : 'it may have "metadata" and "expiration"';
}

/** The text of a sidecar, or undefined if there is nothing to tell. Indented for people, unless that makes it too large to
 * be read back: each line of what is nested deep is indented by its whole depth. */
export function renderSidecar({ metadata, expiration }: Attributes): string | undefined {
  if (metadata === undefined && expiration === undefined) return undefined;
  const content = {
    ...(metadata !== undefined && { metadata: parseJson(metadata) }),
    ...(expiration !== undefined && { expiration }),
  };
  const indented = `${JSON.stringify(content, undefined, 2)}\n`;
  return Buffer.byteLength(indented) <= SIDECAR_BYTES_MAX ? indented : `${JSON.stringify(content)}\n`;
}

function fault(message: string): SidecarOutcome {
  return { kind: "fault", message };
}
