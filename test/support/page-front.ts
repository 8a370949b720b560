// A front before the real server which answers some requests with a page of its own, as a firewall does that dislikes what a
// path looks like, and passes on all others as they are.

import { createServer, type IncomingMessage, request as send, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface PageFront extends AsyncDisposable {
  /** To be used instead of the server's. */
  readonly url: string;
  /** "GET", "PUT" and so on, of each request that it refused. */
  readonly refused: readonly string[];
}

/** `refuses` is asked with each raw path and its query; `status` is what it answers with. */
export async function startPageFront(
  target: string,
  refuses: (path: string, method: string) => boolean,
  status = 403,
): Promise<PageFront> {
  const refused: string[] = [];
  const server = createServer((incoming: IncomingMessage, outgoing: ServerResponse) => {
    const { method = "GET", url = "/", headers } = incoming;
    if (refuses(url, method)) {
      refused.push(method);
      incoming.resume();
      outgoing
        .writeHead(status, { "content-type": "text/html" })
        .end("<html><h1>Sorry, you have been blocked</h1></html>");
      return;
    }
    const { origin, pathname } = new URL(target);
    // The path goes on as it came: a URL object would change it.
    const passed = send(origin, { method, headers, path: url.replace("/front", pathname) }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    passed.on("error", (error) => outgoing.destroy(error));
    incoming.pipe(passed);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/front`,
    refused,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Paths whose key looks like `pic...png`. */
export function looksLikeTraversal(path: string): boolean {
  const [, key] = /\/(?:values|metadata)\/([^?]*)/.exec(path) ?? [];
  return key !== undefined && /pic.*\.\.\..*png/.test(decodeURIComponent(key));
}
