// The tokens that are accepted, known by their hashes alone, and until when each of them is.
//
// A token is looked up by its SHA-256, so that the time it takes tells nothing of any token: who does not know a token cannot aim at
// where its hash lies. There is no salt: that protects what people make up and use twice, not 256 random bits.

import { hash } from "node:crypto";
import type { Clock } from "../../core/clock.ts";
import { type Rights, rightsOf, type TokenGrant } from "./rights.ts";

interface AcceptedToken {
  readonly name: string;
  readonly rights: Rights;
  /** Aborted as soon as the token is taken out, is given other rights, or has expired (within a second). */
  readonly signal: AbortSignal;
}

/** A credential that is no token, but shows what is wrong with the table. */
export interface Mistake {
  /** Of the token. */
  readonly name: string;
  readonly kind: "is-hash" | "hash-with-newline";
}

export interface TokenTable {
  /** Undefined: it is no token of the table, or has expired. */
  find(credential: string): AcceptedToken | undefined;
  /** Why `credential`, which is none, may be meant to be one. */
  mistakeIn(credential: string): Mistake | undefined;
  /** Takes these in place of those before; a token that is as it was goes on undisturbed. */
  set(grants: readonly TokenGrant[]): void;
  close(): void;
}

interface Entry extends AcceptedToken {
  readonly grant: TokenGrant;
  readonly controller: AbortController;
}

/** How often it is looked whether a token has expired whose signal somebody listens to. The time of day may jump. */
const EXPIRY_LOOK_MS = 1000;

export function openTokenTable(clock: Clock, grants: readonly TokenGrant[]): TokenTable {
  let entries: ReadonlyMap<string, Entry> = new Map();
  const closing = new AbortController();
  let isLooking = false;

  const isExpired = ({ grant }: Entry): boolean => grant.expires !== undefined && clock.now() >= grant.expires;
  const awaitsExpiry = (entry: Entry): boolean => entry.grant.expires !== undefined && !entry.signal.aborted;

  async function endExpired(): Promise<void> {
    if (isLooking) return;
    isLooking = true;
    try {
      while ([...entries.values()].some(awaitsExpiry)) {
        await clock.sleep(EXPIRY_LOOK_MS, closing.signal);
        for (const entry of entries.values()) if (isExpired(entry)) entry.controller.abort();
      }
    } catch (error) {
      if (!closing.signal.aborted) throw error;
    } finally {
      isLooking = false;
    }
  }

  function set(next: readonly TokenGrant[]): void {
    const before = entries;
    entries = new Map(
      next.map((grant) => {
        const known = before.get(grant.sha256);
        // What has expired, and may again because the clock was set back or the file was changed, begins anew.
        const isSame = known !== undefined && !known.signal.aborted && isEqual(known.grant, grant);
        return [grant.sha256, isSame ? known : openEntry(grant)];
      }),
    );
    for (const [sha256, entry] of before) if (entries.get(sha256) !== entry) entry.controller.abort();
    void endExpired();
  }

  set(grants);
  return {
    find(credential) {
      const entry = entries.get(sha256Of(credential));
      return entry === undefined || isExpired(entry) ? undefined : entry;
    },
    mistakeIn(credential) {
      const asHash = entries.get(credential.toLowerCase());
      if (asHash !== undefined) return { name: asHash.name, kind: "is-hash" };
      const withNewline = entries.get(sha256Of(`${credential}\n`));
      return withNewline && { name: withNewline.name, kind: "hash-with-newline" };
    },
    set,
    close: () => closing.abort(),
  };
}

function openEntry(grant: TokenGrant): Entry {
  const controller = new AbortController();
  return { grant, controller, name: grant.name, rights: rightsOf(grant), signal: controller.signal };
}

function isEqual(a: TokenGrant, b: TokenGrant): boolean {
  const { name, access, accounts, namespaces, expires } = a;
  return (
    JSON.stringify([name, access, accounts, namespaces, expires]) ===
    JSON.stringify([b.name, b.access, b.accounts, b.namespaces, b.expires])
  );
}

/** Of the bytes that came over the wire, which node:http shows as Latin-1. */
function sha256Of(credential: string): string {
  return hash("sha256", Buffer.from(credential, "latin1"), "hex");
}
