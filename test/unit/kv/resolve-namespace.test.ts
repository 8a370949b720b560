import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Namespace } from "../../../src/kv/kv-api.ts";
import { nearTitles } from "../../../src/kv/near-titles.ts";
import { resolveNamespace } from "../../../src/kv/resolve-namespace.ts";
import { failure } from "./client-fixture.ts";
import { openTransfer, type Transfer } from "./transfer-fixture.ts";

describe("resolving a namespace", () => {
  let transfer: Transfer;
  let config: Namespace;
  beforeAll(async () => {
    transfer = await openTransfer();
    config = await transfer.api.createNamespace("app-config");
  });
  afterAll(() => transfer[Symbol.asyncDispose]());

  it("finds it by its title, in one request", async () => {
    const before = transfer.api.counts().total;
    expect(await resolveNamespace(transfer.api, "app-config")).toEqual(config);
    expect(transfer.api.counts().total - before).toBe(1);
  });

  it("finds it by its id, unless another one has that for a title", async () => {
    expect(await resolveNamespace(transfer.api, config.id)).toEqual(config);
    const impostor = await transfer.api.createNamespace(config.id);
    expect(await resolveNamespace(transfer.api, config.id)).toEqual(impostor);
    await transfer.api.deleteNamespace(impostor.id);
  });

  it("names titles that are close when there is none", async () => {
    const error = await failure(resolveNamespace(transfer.api, "app-confg"));
    expect(error).toMatchObject({
      code: "namespace-not-found",
      message: 'there is no namespace "app-confg"',
      hint: 'did you mean "app-config"?',
    });
    expect((await failure(resolveNamespace(transfer.api, "zzz"))).hint).toContain("kvsync namespace list");
  });

  it("creates it when asked to, once", async () => {
    const made = await resolveNamespace(transfer.api, "fresh", { create: true });
    expect(made.title).toBe("fresh");
    expect(await resolveNamespace(transfer.api, "fresh", { create: true })).toEqual(made);
  });

  it("never takes an id that does not exist for the title of a new one", async () => {
    const id = "00000000000000000000000000000000";
    const error = await failure(resolveNamespace(transfer.api, id, { create: true }));
    expect(error).toMatchObject({ code: "namespace-not-found", message: `no namespace has the id ${id}` });
  });
});

describe("near titles", () => {
  it.each([
    [
      "app-config",
      ["app_config", "APP-CONFIG", "app-config-prod", "other"],
      ["APP-CONFIG", "app_config", "app-config-prod"],
    ],
    ["sessions", ["session", "sesions", "missions"], ["session", "sesions", "missions"]],
    ["x", ["abc", "def"], []],
    ["", ["abc"], []],
  ])("of %o among %o are %o", (wanted, titles, near) => {
    expect(nearTitles(wanted, titles)).toEqual(near);
  });
});
