// Who may ask for what over HTTP. Each request is decided here: what is new does not compile before it is.

import type { ControlRequest } from "../control/protocol.ts";

type OpClass =
  /** Shows states and names of keys. Without a login only on loopback. */
  | "read"
  /** Shows values of keys: always with a login. */
  | "value"
  /** Changes something: always with a login. */
  | "change"
  /** The control socket's alone: its file lets in the daemon's own user and nobody else. */
  | "socket";

export const OP_CLASSES: Readonly<Record<ControlRequest["op"], OpClass>> = {
  status: "read",
  history: "read",
  plan: "read",
  trash: "read",
  conflicts: "read",
  conflict: "value",
  sync: "change",
  approve: "change",
  discard: "change",
  pause: "change",
  resume: "change",
  resolve: "change",
  "trash-restore": "change",
  "back-up": "change",
  // It is what logs in.
  "page-link": "socket",
  // These are the command line's, which asks first.
  "trash-empty": "socket",
  "trash-need": "socket",
  // Whoever asks over HTTP has an answer to anything.
  ping: "socket",
  "trash-restore-many": "socket",
  reload: "socket",
  // Over HTTP it is GET /events.
  events: "socket",
};

/** So many lines or items are answered at most: a page shows fewer, and asks for the next ones. */
export const ROWS_MAX = 1000;
