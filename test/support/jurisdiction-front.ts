// A front before the real server that gives every namespace a jurisdiction, as the API does for those that were created with one.

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface JurisdictionFront extends AsyncDisposable {
  /** To be used instead of the server's. */
  readonly url: string;
}

export async function startJurisdictionFront(target: string): Promise<JurisdictionFront> {
  const server = createServer((incoming, outgoing) => {
    void (async () => {
      const body: Buffer[] = [];
      for await (const chunk of incoming) body.push(chunk as Buffer);
      const answer = await fetch(new URL(target).origin + incoming.url, {
        method: incoming.method ?? "GET",
        headers: { authorization: incoming.headers.authorization ?? "", "content-type": "application/json" },
        ...(body.length > 0 && { body: Buffer.concat(body) }),
      });
      const text = await answer.text();
      outgoing
        .writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "application/json" })
        .end(text.replaceAll('"supports_url_encoding":true', '"supports_url_encoding":true,"jurisdiction":"eu"'));
    })().catch((error: unknown) => outgoing.destroy(error as Error));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}${new URL(target).pathname}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
