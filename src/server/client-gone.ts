// A client that is gone while something is done for it.

import type { Socket } from "node:net";

/** A client whose connection was closed in the middle of its request, or of its answer. */
export class ClientGone extends Error {
  override readonly name = "ClientGone";

  constructor(message = "the client went away", options?: ErrorOptions) {
    super(message, options);
  }
}

/** As `waiting` ends, but rejects with {@link ClientGone} if the connection is closed before. (It is not noticed that a client has closed it
 * while nothing is read from it.) */
export async function unlessGone<T>(socket: Socket, waiting: Promise<T>): Promise<T> {
  const { promise: gone, reject } = Promise.withResolvers<never>();
  const onClose = (): void => reject(new ClientGone());
  if (socket.destroyed) throw new ClientGone();
  socket.once("close", onClose);
  try {
    return await Promise.race([waiting, gone]);
  } finally {
    socket.off("close", onClose);
  }
}
