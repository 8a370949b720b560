// Tokens by their hashes, and how long each is good.

import { hash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { EpochMs } from "../../../../src/core/clock.ts";
import type { TokenGrant } from "../../../../src/server/access/rights.ts";
import { openTokenTable } from "../../../../src/server/access/token-table.ts";
import { FakeClock } from "../../../support/fake-clock.ts";

const grant = (name: string, rest: Partial<TokenGrant> = {}): TokenGrant => ({
  name,
  sha256: hash("sha256", name, "hex"),
  access: "edit",
  ...rest,
});

describe("what a token lets go on for long ends", () => {
  const signalOf = (grants: readonly TokenGrant[], next: readonly TokenGrant[]): AbortSignal => {
    const table = openTokenTable(new FakeClock(), grants);
    const { signal } = table.find("a")!;
    table.set(next);
    return signal;
  };

  it.each<[string, TokenGrant[]]>([
    ["it is taken out", [grant("b")]],
    ["it may do less", [grant("a", { access: "read" })]],
    ["it may see other namespaces", [grant("a", { namespaces: ["x"] })]],
    ["it has another name", [grant("c", { sha256: grant("a").sha256 })]],
  ])("when %s", (_, next) => {
    expect(signalOf([grant("a"), grant("b")], next).aborted).toBe(true);
  });

  it("not when others change", () => {
    const tokens = [grant("a", { accounts: ["x"], namespaces: ["y*"] }), grant("b")];
    expect(signalOf(tokens, [grant("c"), grant("a", { accounts: ["x"], namespaces: ["y*"] })]).aborted).toBe(false);
  });

  it("within a second after it has expired", async () => {
    const clock = new FakeClock();
    const table = openTokenTable(clock, [grant("a", { expires: (clock.now() + 5000) as EpochMs })]);
    const { signal } = table.find("a")!;
    await clock.advance(4999);
    expect([signal.aborted, table.find("a")]).toEqual([false, expect.anything()]);
    await clock.advance(1);
    expect(table.find("a")).toBeUndefined();
    await clock.advance(1000);
    expect(signal.aborted).toBe(true);
    expect(clock.sleeping).toBe(0);
  });

  it("when the time of day jumps past its end", async () => {
    const clock = new FakeClock();
    const table = openTokenTable(clock, [grant("a", { expires: (clock.now() + 86_400_000) as EpochMs })]);
    const { signal } = table.find("a")!;
    clock.jump(86_400_000);
    await clock.advance(1000);
    expect(signal.aborted).toBe(true);
  });
});

it("gives a token that expired, and is good again, a new signal", async () => {
  const clock = new FakeClock();
  const table = openTokenTable(clock, [grant("a", { expires: (clock.now() + 500) as EpochMs })]);
  await clock.advance(2000);
  table.set([grant("a", { expires: (clock.now() + 5000) as EpochMs })]);
  expect(table.find("a")!.signal.aborted).toBe(false);
  table.close();
});

it("sees what is wrong with the table where somebody cannot get in", () => {
  const table = openTokenTable(new FakeClock(), [grant("a"), grant("b", { sha256: hash("sha256", "b\n", "hex") })]);
  expect(table.mistakeIn(hash("sha256", "a", "hex").toUpperCase())).toEqual({ name: "a", kind: "is-hash" });
  expect(table.mistakeIn("b")).toEqual({ name: "b", kind: "hash-with-newline" });
  expect(table.mistakeIn("c")).toBeUndefined();
});

it("takes a token beyond ASCII, which arrives as its bytes", () => {
  const table = openTokenTable(new FakeClock(), [grant("geheim-ü")]);
  expect(table.find(Buffer.from("geheim-ü").toString("latin1"))).toBeDefined();
});
