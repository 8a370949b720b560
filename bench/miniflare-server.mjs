// Miniflare's KV as a server: a Worker with bindings to eight namespaces, asked over HTTP by workerd itself, which is its fastest way
// (its REST API is an emulation on top, and bindings used from Node.js pass through a proxy). Values lie in the folder that is given.
import { createRequire } from "node:module";

const { Miniflare } = createRequire(new URL("../test/peers/package.json", import.meta.url))("miniflare");

const NAMESPACES = 8;
// A Worker has no bulk write: it is a loop, with as many writes at once as gain anything.
const worker = `
export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const [, namespace, verb] = url.pathname.split("/");
    const kv = env["KV" + namespace];
    const key = url.searchParams.get("key");
    switch (verb) {
      case "write":
        await kv.put(key, await request.arrayBuffer());
        return new Response();
      case "read":
        return new Response(await kv.get(key, "stream"));
      case "list": {
        const cursor = url.searchParams.get("cursor") ?? undefined;
        return Response.json(await kv.list({ prefix: url.searchParams.get("prefix") ?? "", cursor }));
      }
      case "bulk": {
        const pairs = await request.json();
        let next = 0;
        const write = async () => {
          while (next < pairs.length) {
            const { key, value } = pairs[next++];
            await kv.put(key, value);
          }
        };
        await Promise.all(Array.from({ length: 8 }, write));
        return new Response();
      }
    }
  },
};`;

const miniflare = new Miniflare({
  host: "127.0.0.1",
  port: 0,
  // Else it looks on the network for where it is.
  cf: false,
  resourcePersistencePath: process.argv[2],
  workers: [
    {
      config: {
        name: "bench",
        compatibilityDate: "2026-10-01",
        env: Object.fromEntries(
          Array.from({ length: NAMESPACES }, (_, number) => [
            `KV${number}`,
            { type: "kv", id: String(number).padStart(32, "0") },
          ]),
        ),
        manifest: { mainModule: "worker.js", modules: { "worker.js": { type: "esm", contents: worker } } },
      },
    },
  ],
});
const { origin } = await miniflare.ready;
process.stdout.write(`${JSON.stringify({ url: origin })}\n`);
process.once("SIGTERM", () => void miniflare.dispose().then(() => process.exit()));
