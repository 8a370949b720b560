// The names of the operations, as they are counted and as a fault plan names them: those that the client of this
// project counts by as well.

export const OPERATIONS = [
  "list",
  "bulkWrite",
  "bulkDelete",
  "bulkGet",
  "read",
  "write",
  "delete",
  "metadata",
  "namespace",
  "changes",
] as const;

export type OperationName = (typeof OPERATIONS)[number];

/** "other": what is no operation of KV, and what was routed nowhere. */
export type CountedOperation = OperationName | "other";
