// A namespace that is filled before anybody may find it under its title. Until then it has a title of kvsync's own, which tells what it is
// to become, who fills it, and by a number that counts up that he is alive:
//
//   %import-DIGEST-OWNER-BEAT TITLE
//
// Several servers may have the store open. One fills; the others wait until the title is there, or the number stands still: then one of them
// takes the namespace over, by putting his name into its title, and goes on with what is in it. Whoever filled it until then (he may only
// have slept) can neither write to it any more nor give it its title: each of his writes looks at the title in the same transaction.

import { hash, randomBytes } from "node:crypto";
import type { Clock, DurationMs, MonotonicMs } from "../../core/clock.ts";
import { AppError, visible } from "../../core/errors.ts";
import { NAMESPACES_MAX, TITLE_CHARS_MAX } from "../../core/limits.ts";
import {
  type NamespaceReader,
  type Store,
  type StoredNamespace,
  type StoredNamespaceId,
  StoreUnavailable,
} from "../../server/store/store.ts";

export interface ClaimDeps {
  readonly clock: Clock;
  readonly store: Store;
  readonly account: string;
  readonly signal: AbortSignal;
  /** Told once: another server is filling the namespace, and is waited for. */
  readonly onWaiting: () => void;
}

/** What is known of a title: there is a namespace of it, or this process is to fill one. */
export type Claimed =
  | { readonly kind: "there"; readonly id: StoredNamespaceId }
  | { readonly kind: "ours"; readonly claim: Claim };

export interface Claim {
  readonly id: StoredNamespaceId;
  /** What fills the namespace writes through this one. */
  readonly store: Store;
  /** False: another server has taken it over, or somebody removed it. */
  isHeld(): Promise<boolean>;
  /** Gives the namespace its title. False: it is not ours any more, or somebody else has made one of that title. */
  finish(): Promise<boolean>;
  /** Removes it. */
  drop(): Promise<void>;
  /** Leaves it to whoever comes next, unless it was finished or dropped. */
  release(): Promise<void>;
}

const MARK = "%import-";
/** The owner of what was left in an orderly way. */
const NOBODY = "0".repeat(16);
const BEAT_MS: DurationMs = 1000;
/** A server that is only slow, and loses the namespace so, waits for who has it then. */
const DEAD_AFTER_MS: DurationMs = 5000;
const LOOK_MS: DurationMs = 500;

/** Whether a namespace of this title would be taken for one that is being filled. */
export function isClaimTitle(title: string): boolean {
  return title.startsWith(MARK);
}

/** Waits while another server fills the namespace. Throws AppError "io" where the store cannot be reached, "failed" where the account is full, and the
 * signal's reason. */
export async function claimNamespace(deps: ClaimDeps, title: string): Promise<Claimed> {
  const { clock, signal, onWaiting } = deps;
  const owner = randomBytes(8).toString("hex");
  let seen: { readonly title: string; readonly since: MonotonicMs } | undefined;
  for (;;) {
    signal.throwIfAborted();
    const isDead = seen !== undefined && clock.monotonic() - seen.since >= DEAD_AFTER_MS;
    const found = await reached(tryClaim(deps, title, owner, isDead ? seen?.title : undefined));
    if (found.kind === "there") return found;
    if (found.kind === "ours") return { kind: "ours", claim: openClaim(deps, { title, owner, id: found.id }) };
    if (seen === undefined) onWaiting();
    if (seen?.title !== found.title) seen = { title: found.title, since: clock.monotonic() };
    await clock.sleep(LOOK_MS, signal);
  }
}

/** Of all namespaces of the account. Throws AppError "io". */
export async function titlesOf({ store, account }: Pick<ClaimDeps, "store" | "account">): Promise<ReadonlySet<string>> {
  const titles = new Set<string>();
  const look = async (): Promise<void> => {
    for await (const { title } of allOf(store.namespaces, account)) titles.add(title);
  };
  await reached(look());
  return titles;
}

type Attempt =
  | { readonly kind: "there"; readonly id: StoredNamespaceId }
  | { readonly kind: "ours"; readonly id: StoredNamespaceId }
  /** Somebody else's. */
  | { readonly kind: "others"; readonly title: string };

/** `dead`: the title of one whose owner shows no sign of life. */
function tryClaim({ store, account }: ClaimDeps, title: string, owner: string, dead?: string): Promise<Attempt> {
  const mark = markOf(title);
  return store.transaction(async ({ namespaces }) => {
    let count = 0;
    let others: StoredNamespace | undefined;
    for await (const namespace of allOf(namespaces, account)) {
      count++;
      if (namespace.title === title) {
        // What others fill would find no title left. They see that it is gone.
        if (others !== undefined) await namespaces.remove(others.id);
        return { kind: "there", id: namespace.id };
      }
      if (namespace.title.startsWith(mark)) others = namespace;
    }
    const isFree = others !== undefined && (others.title === dead || others.title.startsWith(`${mark}${NOBODY}-`));
    if (others !== undefined && !isFree) return { kind: "others", title: others.title };
    if (others !== undefined) {
      await namespaces.rename(account, others.id, claimTitle(title, owner, 0));
      return { kind: "ours", id: others.id };
    }
    if (count >= NAMESPACES_MAX) throw fullAccount(account, title);
    const made = await namespaces.create(account, claimTitle(title, owner, 0));
    if (made === undefined) throw new Error(`two owners drew the name ${owner}`);
    return { kind: "ours", id: made.id };
  });
}

interface Owned {
  readonly title: string;
  readonly owner: string;
  readonly id: StoredNamespaceId;
}

function openClaim({ clock, store, account }: ClaimDeps, { title, owner, id }: Owned): Claim {
  const mark = `${markOf(title)}${owner}-`;
  const isOurs = async (namespaces: NamespaceReader): Promise<boolean> =>
    (await namespaces.find(account, id))?.title.startsWith(mark) === true;
  const ended = new AbortController();
  const beats = beat();

  /** Until the claim ends, or is lost. */
  async function beat(): Promise<void> {
    for (let number = 1; ; number++) {
      await clock.sleep(BEAT_MS, ended.signal).catch(() => undefined);
      if (ended.signal.aborted) return;
      const next = claimTitle(title, owner, number);
      const isAlive = await store
        .transaction(async ({ namespaces }) => (await isOurs(namespaces)) && namespaces.rename(account, id, next))
        .catch((error: unknown) => {
          // The next beat may get through.
          if (error instanceof StoreUnavailable) return true;
          throw error;
        });
      if (isAlive === false) return;
    }
  }

  async function end(): Promise<void> {
    ended.abort();
    await beats;
  }
  // Whoever ends the claim is told.
  beats.catch(() => undefined);

  return {
    id,
    store: fenced(store, id, isOurs),
    isHeld: () => reached(Promise.resolve(isOurs(store.namespaces))),
    async finish() {
      await end();
      const outcome = await reached(
        store.transaction(
          async ({ namespaces }) => (await isOurs(namespaces)) && namespaces.rename(account, id, title),
        ),
      );
      if (outcome === "taken") await reached(removeOurs());
      return outcome === "renamed";
    },
    async drop() {
      await end();
      await reached(removeOurs());
    },
    async release() {
      await end();
      const free = claimTitle(title, NOBODY, 0);
      await store
        .transaction(async ({ namespaces }) => (await isOurs(namespaces)) && namespaces.rename(account, id, free))
        .catch((error: unknown) => {
          // Who comes next waits until it looks dead.
          if (!(error instanceof StoreUnavailable)) throw error;
        });
    },
  };

  async function removeOurs(): Promise<void> {
    await store.transaction(async ({ namespaces }) => {
      if (await isOurs(namespaces)) await namespaces.remove(id);
    });
  }
}

/** `store`, where nothing is written to the namespace `id` once it is not ours. */
function fenced(store: Store, id: StoredNamespaceId, isOurs: (namespaces: NamespaceReader) => Promise<boolean>): Store {
  const { entries } = store;
  return {
    ...store,
    entries: {
      ...entries,
      // As if it were gone, which ends the fill.
      write: (namespace, writes, now) =>
        namespace !== id
          ? entries.write(namespace, writes, now)
          : store.transaction(
              async (unit) => (await isOurs(unit.namespaces)) && unit.entries.write(namespace, writes, now),
            ),
      // It is looked whether the namespace is ours when it gets its title.
      remove: (namespace, keys, now) =>
        namespace !== id
          ? entries.remove(namespace, keys, now)
          : store.transaction(async (unit) => {
              if (await isOurs(unit.namespaces)) await unit.entries.remove(namespace, keys, now);
            }),
    },
  };
}

async function* allOf(namespaces: NamespaceReader, account: string): AsyncGenerator<StoredNamespace, void> {
  const count = 1000;
  for (let offset = 0; ; offset += count) {
    const page = await namespaces.list(account, { order: "title", direction: "asc", offset, count });
    yield* page;
    if (page.length < count) return;
  }
}

function markOf(title: string): string {
  return `${MARK}${hash("sha256", title).slice(0, 16)}-`;
}

function claimTitle(title: string, owner: string, beat: number): string {
  const start = `${markOf(title)}${owner}-${beat} `;
  return `${start}${Array.from(title)
    .slice(0, TITLE_CHARS_MAX - start.length)
    .join("")}`;
}

function fullAccount(account: string, title: string): AppError {
  return new AppError("failed", `the account "${visible(account)}" has ${NAMESPACES_MAX} namespaces, and no more`, {
    hint: `"${visible(title)}" would be one more: delete one, or name another account with --import-account`,
  });
}

async function reached<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error;
    throw new AppError("io", `the server's data cannot be reached: ${visible(error.message)}`, {
      hint: "start the server again when it can: it goes on where it was",
      cause: error,
      retryable: true,
    });
  }
}
