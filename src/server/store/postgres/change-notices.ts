// Tells other processes over the same database that a namespace has changed, by NOTIFY. It is sent once the change is committed, and by
// itself: within the transaction it would make all writers of the whole server commit one after the other, each for as long as the disk
// takes. So one may be missing, as when this process dies in between: change-watch.ts relies on none.

import type { Clock, DurationMs } from "../../../core/clock.ts";
import type { StoredNamespaceId } from "../store.ts";
import { textArray } from "./binary-array.ts";
import { sqlState } from "./failure.ts";
import type { Session, Statement } from "./session.ts";

/** The schema is no part of it: who is told of another schema's namespace knows no such namespace. */
export const CHANNEL = "kvsync_changes";
/** Between two, so that those of a busy second are few. */
const PAUSE_MS: DurationMs = 20;

const NOTIFY: Statement = {
  name: "changes-notify",
  text: `SELECT pg_notify('${CHANNEL}', payload) FROM unnest($1::text[]) AS n (payload)`,
};

export interface Notice {
  readonly namespace: StoredNamespaceId;
  /** Which process sent it. */
  readonly sender: string;
}

export function parseNotice(payload: string): Notice {
  const [namespace = "", sender = ""] = payload.split(" ");
  return { namespace, sender };
}

export interface ChangeNotices {
  send(namespace: StoredNamespaceId): void;
  /** Resolves once nothing is on its way. */
  close(): Promise<void>;
}

interface NoticeDeps {
  readonly session: Session;
  readonly clock: Clock;
  readonly sender: string;
  readonly log: (line: string) => void;
}

export function changeNotices({ session, clock, sender, log }: NoticeDeps): ChangeNotices {
  const waiting = new Set<StoredNamespaceId>();
  let under: Promise<void> | undefined;
  /** CockroachDB has no NOTIFY. */
  let isSupported = true;
  const closing = new AbortController();

  async function sendAll(): Promise<void> {
    while (waiting.size > 0) {
      const payloads = [...waiting].map((namespace) => `${namespace} ${sender}`);
      waiting.clear();
      try {
        await session.query(NOTIFY, [textArray(payloads)]);
      } catch (error) {
        log(`could not tell other servers of a change: they find it within seconds: ${(error as Error).message}`);
        if (/^(42883|0A000)$/.test(sqlState(error) ?? "")) isSupported = false;
      }
      await clock.sleep(PAUSE_MS, closing.signal).catch(() => undefined);
    }
    under = undefined;
  }

  return {
    send(namespace) {
      if (!isSupported) return;
      waiting.add(namespace);
      under ??= sendAll();
    },
    async close() {
      closing.abort();
      await under;
    },
  };
}
