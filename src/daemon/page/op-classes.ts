// Who may ask for what over HTTP. A request that is not in this table is refused: what is new is closed until it is let in here.

import type { ControlRequest } from "../control/protocol.ts";

export type OpClass =
  /** Shows states and names of keys. Without a login only on loopback. */
  | "read"
  /** Shows values of keys: always with a login. */
  | "value"
  /** Changes something: always with a login. */
  | "change";

/** What is not here is the control socket's alone: its file lets in the daemon's own user and nobody else. `page-link` is what logs in;
 * `reload` reads the config; what empties the trash is for the command line, which asks first; `events` is `GET /events`. */
export const OP_CLASSES: Partial<Readonly<Record<ControlRequest["op"], OpClass>>> = {
  status: "read",
  history: "read",
  trash: "read",
  "trash-restore": "change",
  plan: "read",
  sync: "change",
  approve: "change",
  discard: "change",
  pause: "change",
  resume: "change",
  "back-up": "change",
};

/** So many lines or items are answered at most: a page shows fewer, and asks for the next ones. */
export const ROWS_MAX = 1000;
