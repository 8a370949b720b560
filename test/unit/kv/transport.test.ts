// What undici is trusted with, on a real connection: the path as it was given, and bodies that nobody reads.

import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { FakeClock } from "../../support/fake-clock.ts";
import { openTransport, type Transport } from "../../../src/kv/transport.ts";
import { type ScriptedServer, send, startScriptedServer } from "./scripted-server.ts";

const closing: (() => unknown)[] = [];
const clock = new FakeClock();

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

function open(url: string): Transport {
  const transport = openTransport({
    clock,
    proxies: undefined,
    origin: new URL(url).origin,
    connectTimeoutMs: 10_000,
    headersTimeoutMs: 500,
    bodyTimeoutMs: 10_000,
    onBytesUp: () => undefined,
    onBytesDown: () => undefined,
  });
  closing.push(() => transport.close());
  return transport;
}

async function scripted(script: Parameters<typeof startScriptedServer>[0]): Promise<ScriptedServer> {
  const server = await startScriptedServer(script);
  closing.push(() => server[Symbol.asyncDispose]());
  return server;
}

/** Takes connections, and does with them what `use` says. */
async function listening(use: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    use(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as { readonly port: number }).port}`;
}

describe("a request's path", () => {
  it.each(["/a/../b", "/a/%2e%2e/b", "/a%2Fb", "/a/./b", "//a//b", "/a?x=%20&y=..", "/%C3%BC%2f%00"])(
    "%s is on the wire as it was given",
    async (path) => {
      const server = await scripted((_, response) => send(response, 200, "ok"));
      const answer = await open(server.url).send({ method: "GET", path, headers: {} });
      for await (const chunk of answer.body) expect(Buffer.from(chunk).toString()).toBe("ok");
      expect(server.requests.map(({ target }) => target)).toEqual([path]);
    },
  );
});

describe("an answer that nobody reads", () => {
  it("may be dropped, and its connection is closed", async () => {
    const closed = Promise.withResolvers<void>();
    const server = await scripted((_, response) => {
      response.on("close", () => closed.resolve());
      response.writeHead(200, { "content-length": 10_000_000 });
      response.write(Buffer.alloc(1_000_000));
    });
    const answer = await open(server.url).send({ method: "GET", path: "/", headers: {} });
    answer.body.drop();
    await closed.promise;
  });

  it("may break off, and tells whoever reads it later", async () => {
    let connection: Socket | undefined;
    const url = await listening((socket) => {
      connection = socket;
      socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"));
    });
    const answer = await open(url).send({ method: "GET", path: "/", headers: {} });
    const closed = once(connection!, "close");
    connection!.resetAndDestroy();
    await closed;
    // The other end of the connection has heard of it, too.
    await new Promise((resolve) => setImmediate(resolve));
    const read = async (): Promise<void> => {
      for await (const _ of answer.body);
    };
    await expect(read()).rejects.toThrow();
  });
});

describe("an answer that drips", () => {
  it("is given up when its headers are not there in time", async () => {
    const url = await listening((socket) => {
      socket.once("data", () => {
        socket.write("HTTP/1.1 200 OK\r\nx-slow: ");
        const drip = setInterval(() => socket.write("x"), 20);
        socket.on("close", () => clearInterval(drip));
      });
    });
    const sent = open(url).send({ method: "GET", path: "/", headers: {} });
    await expect(sent).rejects.toMatchObject({ code: "UND_ERR_HEADERS_TIMEOUT" });
  });

  it("is given up after a minute at less than a thousand bytes a second, but not for what its reader takes", async () => {
    const server = await scripted((_, response) => {
      response.writeHead(200, { "content-length": 1_000_000 });
      response.write("x".repeat(1000));
      drip = () => response.write("x");
    });
    let drip = (): unknown => undefined;
    const answer = await open(server.url).send({ method: "GET", path: "/", headers: {} });
    const pieces = answer.body[Symbol.asyncIterator]();
    await pieces.next();
    // The reader rests for an hour.
    await clock.advance(3_600_000);
    for (let seconds = 0; seconds < 61; seconds++) {
      const next = pieces.next();
      await clock.advance(1000);
      drip();
      await next;
    }
    const last = pieces.next();
    await clock.advance(1000);
    drip();
    await expect(last).rejects.toMatchObject({ code: "UND_ERR_BODY_TIMEOUT" });
  });
});

describe("a signal", () => {
  it("ends a request whose server never answers", async () => {
    const stop = new AbortController();
    const url = await listening((socket) => socket.once("data", () => stop.abort(new Error("enough"))));
    const sent = open(url).send({ method: "GET", path: "/", headers: {}, signal: stop.signal });
    await expect(sent).rejects.toThrow("enough");
  });

  it("ends a request that is not connected yet", async () => {
    const stop = new AbortController();
    // An address for documentation (RFC 5737): nobody answers, or the system says that there is no way.
    const sent = open("http://192.0.2.1:9").send({ method: "GET", path: "/", headers: {}, signal: stop.signal });
    stop.abort(new Error("enough"));
    await expect(sent).rejects.toThrow("enough");
  });
});
