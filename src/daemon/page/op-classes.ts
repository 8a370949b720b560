// Who may ask for what over HTTP. A request that is not in this table is refused: what is new is closed until it is let in here.

export type OpClass =
  /** Shows states and names of keys. Without a login only on loopback. */
  | "read"
  /** Shows values of keys: always with a login. */
  | "value"
  /** Changes something: always with a login. */
  | "change";

/** By op. What is not here is the control socket's alone: its file lets in the daemon's own user and nobody else. `page-link` is what logs
 * in; `reload` reads the config; what empties the trash is the command line's, which asks first; `events` is `GET /events`. */
export const OP_CLASSES: ReadonlyMap<string, OpClass> = new Map<string, OpClass>([
  ["status", "read"],
  ["history", "read"],
  ["plan", "read"],
  ["trash", "read"],
  ["conflicts", "read"],
  ["conflict", "value"],
  ["sync", "change"],
  ["approve", "change"],
  ["discard", "change"],
  ["pause", "change"],
  ["resume", "change"],
  ["resolve", "change"],
  ["trash-restore", "change"],
  ["back-up", "change"],
]);

/** So many lines or items are answered at most: a page shows fewer, and asks for the next ones. */
export const ROWS_MAX = 1000;
