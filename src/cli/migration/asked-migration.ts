// What a command line asks of `kvsync migrate`: from which account to which, which namespaces, and the name of the whole.

import { AppError, visible } from "../../core/errors.ts";
import { parseNamespaceLocation } from "../../mapping/location.ts";
import type { Asked } from "../../migration/migration-record.ts";
import { parseRename } from "../../migration/rename-keys.ts";

export interface MigrateOptions {
  readonly namespaces?: string;
  readonly allNamespaces?: boolean;
  readonly rename?: readonly string[];
  readonly prefix?: string;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly name?: string;
  /** False: --no-stamp. */
  readonly stamp?: boolean;
}

export interface AskedMigration {
  readonly name: string;
  readonly sourceAccount: string;
  readonly destinationAccount: string;
  readonly asked: Omit<Asked, "source" | "destination">;
}

/** Throws AppError "usage" and "location-invalid". */
export function parseAsked(source: string, destination: string, options: MigrateOptions): AskedMigration {
  const from = parseEnd(source, "source");
  const to = parseEnd(destination, "destination");
  const namespaces = namespacesOf(from, options);
  if (to.namespace !== undefined && namespaces?.length !== 1) {
    throw new AppError("usage", `"${visible(destination)}" is one namespace, and several are meant`, {
      hint: `name the account alone: the titles stay, kvsync migrate ... ${visible(to.account)}`,
    });
  }
  const rename = options.rename ?? [];
  for (const rule of rename) parseRename(rule);
  const { prefix = "", include = [], exclude = [] } = options;
  const noStamp = options.stamp === false ? { stamp: false as const } : {};
  return {
    name: options.name ?? nameOf(from, to),
    sourceAccount: from.account,
    destinationAccount: to.account,
    asked: { namespaces, as: to.namespace ?? null, rename, filter: { prefix, include, exclude }, ...noStamp },
  };
}

interface End {
  readonly account: string;
  readonly namespace: string | undefined;
}

/** `ACCOUNT`, `ACCOUNT:` or `ACCOUNT:NAMESPACE`. */
function parseEnd(text: string, what: string): End {
  const account = text.endsWith(":") ? text.slice(0, -1) : text;
  if (account === "")
    throw new AppError("location-invalid", `the ${what} is empty`, { hint: "write ACCOUNT:NAMESPACE, or ACCOUNT" });
  if (!account.includes(":")) return { account, namespace: undefined };
  const location = parseNamespaceLocation(account);
  if (location.prefix !== "") {
    throw new AppError("location-invalid", `the ${what} "${visible(text)}" names a part of a namespace`, {
      hint: "name the namespace, and which keys with --prefix; give them other names with --rename 'old/=new/'",
    });
  }
  return { account: location.account!, namespace: location.namespace };
}

function namespacesOf({ namespace }: End, { namespaces, allNamespaces = false }: MigrateOptions): Asked["namespaces"] {
  const given = [namespace, namespaces, allNamespaces || undefined].filter((one) => one !== undefined);
  if (given.length > 1) {
    throw new AppError("usage", "the namespaces are named in two ways", {
      hint: "give one of ACCOUNT:NAMESPACE, --namespaces A,B and --all-namespaces",
    });
  }
  if (namespace !== undefined && namespace !== "*") return [namespace];
  if (namespaces === undefined) {
    if (allNamespaces || namespace === "*") return null;
    throw new AppError("usage", "which namespaces are to be moved is missing", {
      hint: "name one, ACCOUNT:NAMESPACE; or add --namespaces A,B or --all-namespaces",
    });
  }
  const names = namespaces.split(",").filter((name) => name !== "");
  if (names.length > 0) return names;
  throw new AppError("usage", "--namespaces is empty", {
    hint: "give titles, ids or patterns: --namespaces 'a,b,app-*'",
  });
}

/** A word that every shell and every disk takes as it is. */
function nameOf(from: End, to: End): string {
  const word = ({ account, namespace }: End): string =>
    [account, ...(namespace === undefined ? [] : [namespace])].join(".").replaceAll(/[^A-Za-z0-9._-]/g, "-");
  return `${word(from)}-to-${word(to)}`.replace(/^[^A-Za-z0-9]+/, "").slice(0, 128);
}
