// An HTTP server at an address of this machine, and what is wrong with that address, for people.

import type { Server } from "node:http";
import { renderListenAddress } from "../config/listen-address.ts";
import { AppError } from "../core/errors.ts";

export interface ListenOptions {
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  /** What is served there: `health and metrics`. */
  readonly what: string;
  /** How to choose another port, if this one is in use. */
  readonly otherPort: string;
}

/** Returns the port. Throws AppError "address-in-use", and "config-invalid" for an address that is none of this machine. */
export function listenAt(server: Server, options: ListenOptions): Promise<number> {
  const { host, port } = options;
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(listenError(error, options)));
    server.listen(port, host, () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

function listenError(error: NodeJS.ErrnoException, { host, port, what, otherPort }: ListenOptions): AppError {
  const address = renderListenAddress({ host, port });
  if (error.code === "EADDRINUSE") {
    return new AppError("address-in-use", `${address}, for ${what}, is in use`, {
      cause: error,
      hint: `another kvsync may run; ${otherPort}`,
    });
  }
  return new AppError("config-invalid", `cannot listen on ${address} for ${what}: ${error.code ?? error.message}`, {
    cause: error,
    hint: "choose an address of this machine, and a port above 1023",
  });
}
