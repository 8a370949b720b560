// A namespace of its own on an embedded server of its own, as a replica for the conformance suite.

import { openKvClient } from "../../src/kv/kv-client.ts";
import { resolveNamespace } from "../../src/kv/resolve-namespace.ts";
import { openNamespaceReplica } from "../../src/replica/namespace/namespace-replica.ts";
import type { OpenReplica } from "./replica-suite.ts";
import type { FakeClock } from "../support/fake-clock.ts";
import { startTestServer } from "../support/server.ts";

export async function openTestNamespace(
  clock: FakeClock,
  options: { readonly stamp?: boolean } = {},
): Promise<OpenReplica> {
  const server = await startTestServer({ clock });
  const api = openKvClient({
    clock,
    baseUrl: server.url,
    accountId: server.accountId,
    credentials: { kind: "token", token: server.token },
    budget: { requests: Number.POSITIVE_INFINITY },
  });
  const namespace = await resolveNamespace(api, "conformance", { create: true });
  const replica = openNamespaceReplica({
    clock,
    api,
    namespaceId: namespace.id,
    label: "test:conformance",
    ...options,
  });
  const close = async (): Promise<void> => {
    await replica.close();
    await api.close();
    await server.close();
  };
  return { replica, close };
}
