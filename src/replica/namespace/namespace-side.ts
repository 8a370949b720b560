// What the parts of a namespace's replica share.

import type { TransferDeps } from "../../kv/write-pairs.ts";

export interface NamespaceSide extends TransferDeps {
  readonly prefix: string;
  readonly stamp: boolean;
}
