// TLS in front of a server, as the real API has it. The certificate is of `localhost` alone, valid for a century, and trusted
// by nobody but whoever is told to; its key protects nothing.

import { readFileSync } from "node:fs";
import { type AddressInfo, connect } from "node:net";
import { createServer } from "node:tls";
import { fileURLToPath } from "node:url";

export const CERTIFICATE = fileURLToPath(new URL("localhost.crt", import.meta.url));
/** The same, but for clients alone. */
export const CLIENT_CERTIFICATE = fileURLToPath(new URL("client-only.crt", import.meta.url));
const KEY = fileURLToPath(new URL("localhost.key", import.meta.url));

export interface TlsFront {
  readonly port: number;
  /** Connections so far. */
  readonly connections: number;
  close(): void;
}

/** Hands on whatever arrives, decrypted, to the server at `url`. */
export async function openTlsFront(url: string, certificate = CERTIFICATE): Promise<TlsFront> {
  const { hostname, port } = new URL(url);
  let connections = 0;
  const front = createServer({ cert: readFileSync(certificate), key: readFileSync(KEY) }, (socket) => {
    connections++;
    const back = connect(Number(port), hostname);
    socket.pipe(back).pipe(socket);
    socket.on("error", () => back.destroy());
    back.on("error", () => socket.destroy());
  });
  await new Promise<void>((resolve) => front.listen(0, "localhost", resolve));
  return {
    port: (front.address() as AddressInfo).port,
    get connections() {
      return connections;
    },
    close: () => front.close(),
  };
}
