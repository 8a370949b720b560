// `kvsync serve --tokens`: the file is followed, each change is told, no output has a token, and the server stops as a load balancer likes it.

import { hash, randomBytes } from "node:crypto";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, it, onTestFinished } from "vitest";
import { ended, records, runCli, startCli } from "../support/cli.ts";

const TOKENS = Object.fromEntries(
  ["ci", "reader", "guess"].map((name) => [name, `kv_${randomBytes(32).toString("hex")}`]),
) as Record<"ci" | "reader" | "guess", string>;

const entry = (name: "ci" | "reader", rest: string): string =>
  `  ${name}: { sha256: ${hash("sha256", TOKENS[name], "hex")}, ${rest} }\n`;
const READER = entry("reader", "access: read, namespaces: [app-*]");
const CI = entry("ci", "access: edit");

it("follows the file, tells each change, and shows no token", async () => {
  const dir = mkdtempSync(join(tmpdir(), "kvsync-serve-tokens-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, "tokens.yaml");
  writeFileSync(file, `tokens:\n${CI}${READER}`);
  const server = startCli(
    ["serve", "--tokens", "tokens.yaml", "--port", "0", "--json", "-v", "--drain", "3s", "--test-api"],
    { cwd: dir },
  );
  const run = ended(server);
  const first = await new Promise<string>((resolve) => createInterface(server.stdout!).once("line", resolve));
  const { url } = JSON.parse(first) as { readonly url: string };
  const namespaces = `${url}/accounts/dev/storage/kv/namespaces`;
  const ask = async (token: string, path = "", init: RequestInit = {}) =>
    fetch(`${namespaces}${path}`, {
      ...init,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    });

  const created = await ask(TOKENS.ci, "", { method: "POST", body: '{"title":"app-one"}' });
  const { id } = ((await created.json()) as { readonly result: { readonly id: string } }).result;
  expect((await ask(TOKENS.ci, `/${id}/values/a%0Ab`, { method: "PUT", body: "v" })).status).toBe(200);
  expect((await ask(TOKENS.reader, `/${id}/values/a%0Ab`)).status).toBe(200);
  expect((await ask(TOKENS.reader, `/${id}/values/a%0Ab`, { method: "DELETE" })).status).toBe(403);
  expect((await ask(TOKENS.guess, `/${id}/values/k`)).status).toBe(403);

  // Where a token might get into a line: the query, a malformed header, a request that is none, what is refused.
  const { ci } = TOKENS;
  await fetch(`${namespaces}?api_token=${ci}&${ci}&limit=5`, { headers: { authorization: `Bearer ${ci}` } });
  await fetch(namespaces, { headers: { authorization: ci } });
  await fetch(namespaces, { headers: { authorization: `Basic ${ci}` } });
  await fetch(namespaces, { headers: { "x-auth-key": ci } });
  await fetch(namespaces, { headers: { authorization: `Bearer ${hash("sha256", ci, "hex")}` } });
  await fetch(`${url}/__test/faults`, { method: "PUT", body: "}", headers: { authorization: `Bearer ${ci}` } });
  await raw(url, `GET /client/v4 HTTP/1.1\r\nhost: x\r\nauthorization Bearer ${ci}\r\n\r\n`);
  await raw(
    url,
    `PUT /client/v4/accounts/dev/storage/kv/namespaces/${id}/bulk HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${ci}\r\ncontent-length: 9\r\n\r\n`,
  );

  // Replaced by a rename, as editors do: the token that is gone is refused within a second.
  writeFileSync(join(dir, "next"), `tokens:\n${CI}`);
  renameSync(join(dir, "next"), file);
  const changedAt = performance.now();
  while ((await ask(TOKENS.reader)).status === 200) expect(performance.now() - changedAt).toBeLessThan(1000);
  expect((await ask(ci)).status).toBe(200);

  // A file that cannot be understood changes nothing, and is told of.
  writeFileSync(file, `tokens: { ci: { token: ${ci} } }\n`);
  await line(server.stderr!, "the tokens of before go on");
  expect((await ask(ci)).status).toBe(200);

  const health = url.replace("/client/v4", "/health");
  expect((await fetch(health)).status).toBe(200);
  server.kill("SIGTERM");
  while ((await fetch(health)).status === 200) await new Promise((resolve) => setImmediate(resolve));
  expect(await (await fetch(health)).json()).toEqual({ status: "stopping" });
  expect((await ask(ci)).status).toBe(200);
  const { code, stdout, stderr } = await run;
  expect({ code, stderr }).toMatchObject({ code: 0 });

  for (const token of Object.values(TOKENS)) expect(`${stdout}${stderr}`).not.toContain(token);
  expect(stderr).toContain("/namespaces?...&...&limit=5 200");
  expect(records(stderr).every(({ type }) => type === "note" || type === "warning" || type === "detail")).toBe(true);
  const changes = records(stdout).filter(({ type }) => type === "change");
  expect(changes).toMatchObject([
    {
      by: "ci",
      operation: "namespaceCreate",
      account: "dev",
      namespace: id,
      title: "app-one",
      done: true,
      status: 200,
    },
    { by: "ci", operation: "write", namespace: id, title: "app-one", key: "a\nb", done: true, from: "127.0.0.1" },
    { by: "reader", operation: "delete", namespace: id, key: "a\nb", done: false, status: 403 },
  ]);
}, 240_000);

it.each([
  [["--tokens", "none.yaml"], 1, "could not read the tokens in none.yaml: there is no such file"],
  [["--tokens", "bad.yaml"], 7, "bad.yaml:1:26: sha256 is no SHA-256"],
  [["--tokens", "bad.yaml", "--token", "x"], 2, "cannot be used with"],
  [["--max-connections", "0"], 2, "is no number of connections"],
  [["--drain", "5"], 2, "--drain"],
])("kvsync serve %j ends with %i", async (args, code, message) => {
  const dir = mkdtempSync(join(tmpdir(), "kvsync-serve-tokens-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  writeFileSync(join(dir, "bad.yaml"), "tokens: { ci: { sha256:  hunter2hunter2, access: read } }\n");
  const run = await runCli(["serve", "--port", "0", ...args], { cwd: dir });
  expect(run).toMatchObject({ code, stderr: expect.stringContaining(message) });
  expect(run.stderr).not.toContain("hunter2");
});

/** Sends `text`, and waits until the server has closed the connection, or for an answer. */
function raw(url: string, text: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1", () => socket.end(text));
    socket.on("error", () => undefined);
    socket.on("close", () => resolve());
    socket.resume();
  });
}

function line(stream: NodeJS.ReadableStream, text: string): Promise<void> {
  return new Promise((resolve) => {
    stream.on("data", (chunk: Buffer) => {
      if (chunk.toString().includes(text)) resolve();
    });
  });
}
