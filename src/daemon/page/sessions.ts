// Who is logged in to the status page. In memory only: a daemon that starts anew asks for a new link.

import type { Clock, DurationMs, MonotonicMs } from "../../core/clock.ts";
import { hashToken, isToken, newToken } from "./page-token.ts";

export interface Sessions {
  /** The id of a new session, for the cookie. */
  begin(): string;
  /** Whether one of these is the id of a session. `use`: a person did something, and the session goes on for longer. */
  find(ids: readonly string[], use: boolean): Session | undefined;
  end(session: Session): void;
}

export interface Session {
  isOver(): boolean;
}

/** Nothing was asked for for so long. */
const IDLE_MS_MAX: DurationMs = 12 * 3_600_000;
/** Whatever is asked for. The browser forgets the cookie then, too. */
export const SESSION_MS_MAX: DurationMs = 7 * 86_400_000;
/** The one that was not used for longest goes when there is another one. */
const SESSIONS_MAX = 100;
/** A request with more cookies of that name is none of a browser's. */
const IDS_MAX = 4;

interface Kept extends Session {
  readonly hash: string;
  readonly beganAt: MonotonicMs;
  usedAt: MonotonicMs;
}

export function openSessions(clock: Pick<Clock, "monotonic">): Sessions {
  /** By hash of the id, the least recently used first. */
  const sessions = new Map<string, Kept>();
  const isOver = (kept: Kept): boolean => {
    const now = clock.monotonic();
    const isOld = now - kept.beganAt >= SESSION_MS_MAX || now - kept.usedAt >= IDLE_MS_MAX;
    if (isOld && sessions.get(kept.hash) === kept) sessions.delete(kept.hash);
    return isOld || sessions.get(kept.hash) !== kept;
  };
  return {
    begin() {
      const id = newToken();
      const hash = hashToken(id).toString("base64");
      const now = clock.monotonic();
      const kept: Kept = { hash, beganAt: now, usedAt: now, isOver: () => isOver(kept) };
      sessions.set(hash, kept);
      if (sessions.size > SESSIONS_MAX) sessions.delete(sessions.keys().next().value!);
      return id;
    },
    find(ids, use) {
      for (const id of ids.slice(0, IDS_MAX)) {
        const kept = isToken(id) ? sessions.get(hashToken(id).toString("base64")) : undefined;
        if (kept === undefined || isOver(kept)) continue;
        if (use) {
          kept.usedAt = clock.monotonic();
          sessions.delete(kept.hash);
          sessions.set(kept.hash, kept);
        }
        return kept;
      }
      return undefined;
    },
    end(session) {
      for (const [hash, kept] of sessions) if (kept === session) sessions.delete(hash);
    },
  };
}
