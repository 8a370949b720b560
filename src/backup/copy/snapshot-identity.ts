// Whether a snapshot of one repository is one of another. Ids do not tell: they are of the bytes as stored, which are encrypted
// differently each time, and a copy names the copy of its parent.

import { sha256Of } from "../../core/fingerprint.ts";
import type { Snapshot } from "../repository/repository.ts";

/** The same for a snapshot and its copies, and for no other. */
export function snapshotIdentity(snapshot: Omit<Snapshot, "pages">): string {
  const { created, tags, source, filter, listed, complete, problems, entries, bytes, root } = snapshot;
  const { account, accountId, namespace, title, prefix, label } = source;
  const facts = [created, tags, account, accountId, namespace, title, prefix, label, filter ?? null, listed];
  return sha256Of(Buffer.from(JSON.stringify([...facts, complete, problems, entries, bytes, root])));
}
