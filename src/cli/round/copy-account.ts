// kvsync copy ACCOUNT:* DST: every namespace of an account, each to the namespace of its title in another account, which is created as the
// source's is if it is missing, or to a folder of its title.

import { AppError, visible } from "../../core/errors.ts";
import type { OpenAccount } from "../../accounts/accounts.ts";
import type { Namespace, NamespaceId } from "../../kv/kv-api.ts";
import { listAllNamespaces } from "../../kv/list-all-namespaces.ts";
import { parseLocation } from "../../mapping/location.ts";
import { apiOf } from "../../mapping/place.ts";
import type { Context } from "../context.ts";
import type { ExitCode } from "../exit-code.ts";
import { shellWord } from "../../core/shell-word.ts";
import { accountOfAll, eachNamespace } from "./each-namespace.ts";
import { type Copy, locationDeps, runCopy } from "./run-copy.ts";
import { openTitleNames } from "./title-path.ts";

/** `from`: the name of the account. */
export async function runCopyAccount(context: Context, from: string, to: string, copy: Copy): Promise<ExitCode> {
  const source = await context.account(from);
  const place = await placeOf(context, source, to, copy);
  // An account may well have empty namespaces.
  const each = { ...copy, failEmpty: false };
  return eachNamespace(context, source, async (namespace, location) => {
    const { text, destination } = await place(namespace);
    return runCopy(context, location, text, { ...each, namespaces: { source: namespace, destination } });
  });
}

interface Place {
  readonly text: string;
  /** A title: it is not there yet, and this is a dry run. Undefined: it is a folder. */
  readonly destination: Namespace | string | undefined;
}

type PlaceOf = (namespace: Namespace) => Promise<Place>;

async function placeOf(context: Context, source: OpenAccount, to: string, { dryRun }: Copy): Promise<PlaceOf> {
  const account = accountOfAll(to);
  if (account !== undefined) return placeInAccount(context, source, await context.account(account), dryRun);
  const location = parseLocation(to, locationDeps(context, await context.config()));
  if (location.kind !== "folder") {
    throw new AppError(
      "usage",
      `${visible(to)} is one place, and all namespaces of ${visible(source.name)} are meant`,
      {
        hint: `write ACCOUNT:* for the namespaces of the same titles, or a folder, which gets one for each: kvsync copy ${shellWord(`${source.name}:*`)} ./kv`,
      },
    );
  }
  const folder = to.replace(/\/+$/, "");
  const nameOf = openTitleNames(location.path);
  return async ({ title }) => ({ text: `${folder}/${nameOf(title)}/`, destination: undefined });
}

async function placeInAccount(
  { signal, output }: Context,
  source: OpenAccount,
  { name, api, config }: OpenAccount,
  dryRun: boolean,
): Promise<PlaceOf> {
  if (config.accountId === source.config.accountId && apiOf(config.endpoint) === apiOf(source.config.endpoint)) {
    throw new AppError("usage", `${visible(source.name)} and ${visible(name)} are the same account`, {
      hint: "name another account",
    });
  }
  const there = await listAllNamespaces(api, signal);
  const idsBefore = new Set<NamespaceId>(there.map(({ id }) => id));
  return async ({ title, jurisdiction, mode }) => {
    const label = `${name}:${visible(title)}`;
    const found = there.find((one) => one.title === title);
    if (found === undefined && dryRun) return { text: `${name}:${title}`, destination: title };
    const namespace = found ?? (await api.createNamespace(title, { jurisdiction, mode, idsBefore, signal }));
    if (namespace.jurisdiction !== jurisdiction) throw otherJurisdiction(label, namespace, jurisdiction);
    if (found === undefined) output.note(`created ${label} (${namespace.id})`);
    return { text: `${name}:${namespace.id}`, destination: namespace };
  };
}

/** Where values must stay is not to be changed by the way. */
function otherJurisdiction(label: string, { id, jurisdiction = "none" }: Namespace, wanted = "none"): AppError {
  const account = label.slice(0, label.indexOf(":"));
  return new AppError(
    "failed",
    `${label} has the jurisdiction ${jurisdiction}, and the source has ${wanted}: it was not copied`,
    {
      hint: `if it may be so, copy this one by its name: kvsync copy SOURCE ${shellWord(`${account}:${id}`)}`,
    },
  );
}
