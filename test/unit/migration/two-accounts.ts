// Two accounts on two embedded servers, over HTTP, with a namespace each, for tests of what is moved between them.

import { toEpochSeconds } from "../../../src/core/clock.ts";
import type { RoundResult } from "../../../src/engine/round-request.ts";
import type { NamespaceId } from "../../../src/kv/kv-api.ts";
import type { KvClient } from "../../../src/kv/kv-client.ts";
import { bodyOfText } from "../../../src/kv/sized-body.ts";
import { proveNamespace } from "../../../src/migration/proof/prove-namespace.ts";
import type { Finding, NamespaceProof } from "../../../src/migration/proof/proof.ts";
import type { ProofRequest } from "../../../src/migration/proof/proving.ts";
import { openNamespaceReplica } from "../../../src/replica/namespace/namespace-replica.ts";
import type { Replica, Write } from "../../../src/replica/replica.ts";
import { HurriedClock } from "../../support/hurried-clock.ts";
import { openPair, round } from "../../support/round.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { collect, keyOf, pagesOf, writeOf } from "../../support/values.ts";
import { openTestClient } from "../kv/client-fixture.ts";

export const SETTLE_WINDOW_MS = 60_000;

export interface Account {
  readonly server: TestServer;
  readonly api: KvClient;
  readonly namespaceId: NamespaceId;
  readonly replica: Replica;
  /** As a program writes it, that knows nothing of stamps. */
  put(
    key: string,
    value: string,
    attributes?: { readonly metadata?: string; readonly expiration?: number },
  ): Promise<void>;
  remove(key: string): Promise<void>;
  /** Many, without stamps. */
  putAll(writes: readonly Write[]): Promise<void>;
}

export interface TwoAccounts extends AsyncDisposable {
  readonly clock: HurriedClock;
  readonly source: Account;
  readonly destination: Account;
  /** A round of a copy, which carries removals of what it has copied, too. */
  copy(): Promise<RoundResult>;
  /** With what is known of the copy, unless that is undefined. */
  prove(how?: Partial<ProofRequest>): Promise<NamespaceProof>;
}

export interface TwoAccountsOptions {
  readonly seed?: number;
  /** False: what is copied is written without stamps, as to KV Instant. */
  readonly stamp?: boolean;
}

export async function openTwoAccounts({ seed = 1, stamp = true }: TwoAccountsOptions = {}): Promise<TwoAccounts> {
  const clock = new HurriedClock({ now: 1_800_000_000_000, seed });
  const [source, destination] = await Promise.all([
    openAccount(clock, "old:app", stamp),
    openAccount(clock, "new:app", stamp),
  ]);
  const pair = openPair(clock, source.replica, destination.replica);
  let isComplete = false;
  return {
    clock,
    source,
    destination,
    async copy() {
      const decide = {
        twoWay: false,
        delete: "owned",
        save: "foreign",
        now: toEpochSeconds(clock.now()),
      } as const;
      const result = await round(pair, { decide, maxOverwrite: { share: 1 }, force: true });
      isComplete = result.failed === 0;
      return result;
    },
    prove: (how = {}) =>
      proveNamespace(
        { clock, signal: new AbortController().signal, settleWindowMs: SETTLE_WINDOW_MS },
        { source: source.replica, destination: destination.replica },
        {
          verify: { kind: "listing" },
          copied: { base: pair.base, isComplete, problems: new Map() },
          mayHoldMore: false,
          ...how,
        },
      ),
    [Symbol.asyncDispose]: async () => {
      pair.journal.close();
      for (const { api, server } of [source, destination]) {
        await api.close();
        await server.close();
      }
    },
  };
}

async function openAccount(clock: HurriedClock, label: string, stamp: boolean): Promise<Account> {
  const server = await startTestServer({ clock, validate: false });
  const api = openTestClient(server.url, { clock });
  const { id: namespaceId } = await api.createNamespace("app");
  const replica = openNamespaceReplica({ clock, api, namespaceId, label, stamp });
  const unstamped = openNamespaceReplica({ clock, api, namespaceId, label, stamp: false });
  return {
    server,
    api,
    namespaceId,
    replica,
    put: (key, value, { metadata, expiration } = {}) =>
      api.writeValue(namespaceId, keyOf(key), bodyOfText(value), { metadata, expiration: expiration as never }),
    remove: (key) => api.deleteValue(namespaceId, keyOf(key)),
    putAll: async (writes) => void (await collect(unstamped.write(pagesOf(writes)))),
  };
}

/** `count` keys, every third with metadata and every fifth with an expiration. */
export function manyWrites(clock: HurriedClock, count: number): readonly Write[] {
  return Array.from({ length: count }, (_, i) =>
    writeOf(clock, nameOf(i), `value ${i}`, {
      ...(i % 3 === 0 && { metadata: `{"n":${i}}` }),
      ...(i % 5 === 0 && { expiration: EXPIRES_AT }),
    }),
  );
}

export const EXPIRES_AT = 1_900_000_000;

export function nameOf(i: number): string {
  return `user:${String(i).padStart(6, "0")}`;
}

/** A finding as a line: key, class, and in what it differs. */
export function lineOf({ key, class: as, differs, changedAt }: Finding): string {
  return `${key} ${as}${differs.length === 0 ? "" : ` (${differs.join(", ")})`}${changedAt === null ? "" : ` at ${changedAt}`}`;
}
