// Whether a token may write, found out without a change. `/user/tokens/verify` tells only that a token is valid. A bulk write of no pairs
// changes nothing whatever it names, and the API looks at what the token may do before it looks at the request: a token that may
// only read is refused (403), one that may write is told that there is no such namespace, or that nothing was written.

import { AppError } from "../../core/errors.ts";
import type { CallOptions, KvApi, NamespaceId } from "../../kv/kv-api.ts";
import { bodyOfText } from "../../kv/sized-body.ts";

/** Names no namespace: ids are random. */
const NO_NAMESPACE = "0".repeat(32) as NamespaceId;

/** `namespace`: one of the account that is to be written to; undefined: there is none yet. Throws what else the API answers. */
export async function mayWrite(
  api: Pick<KvApi, "bulkWrite">,
  namespace: NamespaceId | undefined,
  options: CallOptions,
): Promise<boolean> {
  try {
    await api.bulkWrite(namespace ?? NO_NAMESPACE, bodyOfText("[]"), options);
    return true;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    if (error.code === "unauthorized") return false;
    // Looked at after the token: it was let pass.
    if (error.code === "namespace-not-found") return true;
    throw error;
  }
}
