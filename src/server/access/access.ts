// Who may ask, and for what: by any token (from this machine alone), by the only one, or by one of a table.

import { hash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Clock } from "../../core/clock.ts";
import { authenticationError, Refusal, rateLimited } from "../refusal.ts";
import { openAttempts } from "./attempts.ts";
import { clientAddress } from "./client-address.ts";
import { checkLocal, parseCredential } from "./credential.ts";
import { ALL_RIGHTS, type Rights, type TokenGrant } from "./rights.ts";
import { type Mistake, openTokenTable } from "./token-table.ts";

/** Who asks, and what for as long as `signal` is not aborted. */
export interface Authorised {
  /** For people: the name of a token, "the only token" or "any token" (names have no space). */
  readonly who: string;
  /** Where from: see client-address.ts. */
  readonly address: string;
  /** The same for the same token. */
  readonly countedAs: string;
  readonly rights: Rights;
  /** Aborted within a second after the token was taken out or has expired, or was given other rights: what goes on for long ends then. */
  readonly signal: AbortSignal;
}

export interface Access {
  /** Throws a Refusal. */
  authorise(request: IncomingMessage): Authorised;
  /** Takes these tokens in place of those before. Only where there is a table. */
  setTokens(grants: readonly TokenGrant[]): void;
  close(): void;
}

export interface AccessOptions {
  readonly clock: Clock;
  /** The only one. */
  readonly token: string | undefined;
  /** The table. Neither: any token is accepted. */
  readonly tokens: readonly TokenGrant[] | undefined;
  readonly trustProxy: boolean;
  /** Told what a person should know of. */
  readonly warn: (message: string) => void;
}

type Accepted = Pick<Authorised, "who" | "countedAs" | "rights" | "signal">;

export function openAccess({ clock, token, tokens, trustProxy, warn }: AccessOptions): Access {
  if (token === undefined && tokens === undefined) return openToAny(trustProxy);
  const table = openTokenTable(clock, tokens ?? []);
  const told = new Set<string>();
  const attempts = openAttempts(clock, (address) =>
    warn(`${address} has sent more than ten wrong tokens: it is slowed down, to one try in ten seconds in the end`),
  );
  const never = new AbortController().signal;
  const expected = hashOf(token ?? "");

  function accept(credential: string): Accepted | undefined {
    if (tokens === undefined)
      return timingSafeEqual(hashOf(credential), expected)
        ? { who: "the only token", countedAs: credential, rights: ALL_RIGHTS, signal: never }
        : undefined;
    const found = table.find(credential);
    return found && { who: found.name, countedAs: found.name, rights: found.rights, signal: found.signal };
  }

  /** Once for each token: whoever asks does it again and again. */
  function tellMistake(mistake: Mistake | undefined): void {
    if (mistake === undefined || told.has(mistake.name)) return;
    told.add(mistake.name);
    warn(MISTAKES[mistake.kind](mistake.name));
  }

  return {
    authorise(request) {
      const address = clientAddress(request, trustProxy);
      const credential = parseCredential(request.headers);
      const refusedFor = attempts.refusedFor(address);
      if (refusedFor > 0) throw rateLimited(Math.ceil(refusedFor / 1000));
      const accepted = accept(credential);
      if (accepted !== undefined) {
        attempts.accepted(address);
        return { ...accepted, address };
      }
      tellMistake(table.mistakeIn(credential));
      if (attempts.isRepeated(address, credential)) throw authenticationError();
      const delay = attempts.failed(address);
      if (delay === "too-many") throw rateLimited(10);
      throw new Refusal(authenticationError().answer, delay);
    },
    setTokens(grants) {
      table.set(grants);
      told.clear();
    },
    close: () => table.close(),
  };
}

/** Any credential will do, but there must be one, and the request must come from a program of this machine. */
function openToAny(trustProxy: boolean): Access {
  const never = new AbortController().signal;
  return {
    authorise(request) {
      checkLocal(request.headers);
      const countedAs = parseCredential(request.headers);
      const address = clientAddress(request, trustProxy);
      return { who: "any token", address, countedAs, rights: ALL_RIGHTS, signal: never };
    },
    setTokens: () => undefined,
    close: () => undefined,
  };
}

const MISTAKES: Readonly<Record<Mistake["kind"], (name: string) => string>> = {
  "is-hash": (name) =>
    `somebody asked with what stands as the sha256 of "${name}": either the table of tokens holds the token itself in place of its hash, or somebody has read the table`,
  "hash-with-newline": (name) =>
    `the sha256 of "${name}" is that of the token and a line break: make it with printf %s "$TOKEN" | sha256sum`,
};

/** Tokens are compared by it, so that neither the time it takes nor a length tells anything of them. */
function hashOf(token: string): Buffer {
  return hash("sha256", token, "buffer");
}
