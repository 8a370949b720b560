import { spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { hasTerminals } from "../../../support/cli.ts";

const script = fileURLToPath(new URL("./ask-once.ts", import.meta.url));

/** What a terminal shows while `keys` are typed once the question is there. */
async function type(keys: string): Promise<string> {
  const command = `exec '${process.execPath}' '${script}'`;
  const child = spawn("script", ["-qec", command, "/dev/null"], {
    env: { ...process.env, SHELL: "/bin/sh", TERM: "xterm" },
  });
  let shown = "";
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    if (!shown.includes("Passphrase: ") && (shown + chunk.toString()).includes("Passphrase: ")) child.stdin.write(keys);
    shown += chunk.toString();
  }
  return shown;
}

describe.runIf(hasTerminals())("a secret that is asked for", () => {
  it.each([
    ["hunter2\r", { length: 7, first: "h" }],
    ["xunter2\u007f\u007f\r", { length: 5, first: "x" }],
    ["\r", { length: 0 }],
    ["\u0004", {}],
  ])("is not shown: %j", async (keys, told) => {
    const shown = await type(keys);
    expect(shown).not.toMatch(/unter|\*/);
    expect(shown).toContain(JSON.stringify(told));
  });

  it("is not asked for any more after Ctrl-C", async () => {
    const shown = await type("hunter2\u0003");
    expect(shown).not.toMatch(/unter|length/);
  });
});
