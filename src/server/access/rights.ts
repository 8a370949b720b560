// What a token may do: a grant as it is written, and the questions that it answers.
//
// A namespace that a token may not see does not exist for it. A glob is over titles, which an editor can change: so whoever creates or
// renames a namespace must have a glob for its new title, and an id alone, which lets a token see one namespace whatever it is called, lets
// nobody give it a title. Ids are matched whole: they are drawn by chance, and `fe*` would be one in 256 of all namespaces.

import type { EpochMs } from "../../core/clock.ts";
import { compileGlob, isGlob } from "./glob.ts";

export interface TokenGrant {
  /** Of all grants, one has it. It stands in logs. */
  readonly name: string;
  /** Of the token: 64 hexadecimal digits in lower case. */
  readonly sha256: string;
  readonly access: "read" | "edit";
  /** Ids, and globs over them. Undefined: all accounts. */
  readonly accounts?: readonly string[] | undefined;
  /** Ids (32 hexadecimal digits), and globs over titles. Undefined: all namespaces of these accounts. */
  readonly namespaces?: readonly string[] | undefined;
  /** From then on the token is refused. */
  readonly expires?: EpochMs | undefined;
}

export interface Rights {
  readonly mayChange: boolean;
  /** Whether every namespace of the accounts may be seen. */
  readonly seesAllNamespaces: boolean;
  /** Whether nothing is kept from it, in no account. */
  readonly seesAll: boolean;
  /** Those that are named in full: they may be used though nothing is in them yet. */
  readonly namedAccounts: readonly string[];
  mayUseAccount(account: string): boolean;
  maySee(namespace: { readonly id: string; readonly title: string }): boolean;
  /** Whether a namespace may be given this title. */
  mayGiveTitle(title: string): boolean;
}

export const ALL_RIGHTS: Rights = rightsOf({ access: "edit" });

export function rightsOf({ access, accounts, namespaces }: Omit<TokenGrant, "name" | "sha256" | "expires">): Rights {
  const accountGlobs = accounts?.map(compileGlob);
  const ids = new Set(namespaces?.filter(isId).map((id) => id.toLowerCase()));
  const titleGlobs = namespaces?.filter((given) => !isId(given)).map(compileGlob);
  const isTitleGranted = (title: string): boolean => titleGlobs?.some((matches) => matches(title)) ?? true;
  return {
    mayChange: access === "edit",
    seesAllNamespaces: titleGlobs === undefined,
    seesAll: accountGlobs === undefined && titleGlobs === undefined,
    namedAccounts: accounts?.filter((account) => !isGlob(account)) ?? [],
    mayUseAccount: (account) => accountGlobs?.some((matches) => matches(account)) ?? true,
    maySee: ({ id, title }) => ids.has(id) || isTitleGranted(title),
    mayGiveTitle: isTitleGranted,
  };
}

function isId(text: string): boolean {
  return /^[0-9a-f]{32}$/i.test(text);
}
