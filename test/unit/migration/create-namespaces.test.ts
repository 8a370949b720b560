import { describe, expect, it } from "vitest";
import type { Namespace, NamespaceId } from "../../../src/kv/kv-api.ts";
import { bodyOfText } from "../../../src/kv/sized-body.ts";
import { createNamespaces, type CreateDeps } from "../../../src/migration/create-namespaces.ts";
import type { NamespaceRecord } from "../../../src/migration/migration-record.ts";
import type { MigrationStore } from "../../../src/migration/migration-store.ts";
import { openTestClient, TOKEN } from "../kv/client-fixture.ts";
import { keyOf } from "../../support/values.ts";
import { startTestServer } from "../../support/server.ts";

/** A migration that is to make one namespace at an account of its own, and what its record says of it. */
async function openCreation(wanted: { readonly isAskedFor?: boolean; readonly jurisdiction?: string } = {}) {
  const server = await startTestServer({ token: TOKEN });
  const api = openTestClient(server.url);
  const { isAskedFor, jurisdiction } = wanted;
  let record = {
    destination: { id: null, title: "app", jurisdiction },
    ...(isAskedFor !== undefined && { isAskedFor }),
  } as NamespaceRecord;
  const store = {
    current: () => ({ namespaces: [record] }),
    setNamespace: (_: number, change: Partial<NamespaceRecord>) => (record = { ...record, ...change }),
  } as unknown as MigrationStore;
  const created: Namespace[] = [];
  const deps: CreateDeps = {
    api,
    account: "new",
    store,
    signal: new AbortController().signal,
    onCreated: (namespace) => created.push(namespace),
  };
  return {
    server,
    // A client whose token was refused sends nothing more.
    create: () => createNamespaces({ ...deps, api: openTestClient(server.url) }),
    make: async (): Promise<NamespaceId> => (await api.createNamespace("app", {})).id,
    api,
    noted: () => record.destination.id,
    created,
    [Symbol.asyncDispose]: () => server.close(),
  };
}

describe("a namespace that the destination lacked when it was listed", () => {
  it("is created, and noted", async () => {
    await using it = await openCreation();
    await it.create();
    expect(it.created.map(({ id }) => id)).toEqual([it.noted()]);
  });

  it("and that somebody else has created since is not touched", async () => {
    await using it = await openCreation();
    await it.make();
    await expect(it.create()).rejects.toMatchObject({ code: "plan-outdated" });
    expect(it.noted()).toBeNull();
  });

  it("and whose creation was asked for before is found again, if it is empty", async () => {
    await using it = await openCreation({ isAskedFor: true });
    const id = await it.make();
    await it.create();
    expect(it.noted()).toBe(id);
    expect(it.created).toEqual([]);
  });

  it("and whose creation was refused is not taken for its own when somebody else creates it", async () => {
    await using it = await openCreation();
    it.server.setFaults({ readOnly: true });
    await expect(it.create()).rejects.toMatchObject({ code: "unauthorized" });
    it.server.setFaults({});
    await it.make();
    await expect(it.create()).rejects.toMatchObject({ code: "plan-outdated" });
    expect(it.noted()).toBeNull();
  });

  it("and that holds keys is somebody else's, whatever was asked for before", async () => {
    await using it = await openCreation({ isAskedFor: true });
    const id = await it.make();
    await it.api.writeValue(id, keyOf("theirs"), bodyOfText("1"), {});
    await expect(it.create()).rejects.toMatchObject({ code: "plan-outdated" });
    expect(it.noted()).toBeNull();
  });

  it("is refused each time, if it is of another jurisdiction", async () => {
    await using it = await openCreation({ isAskedFor: true, jurisdiction: "eu" });
    await it.make();
    for (let run = 0; run < 2; run++) await expect(it.create()).rejects.toThrow("with the jurisdiction none");
    expect(it.noted()).toBeNull();
  });
});
