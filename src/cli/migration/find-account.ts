// The account of the config that a migration or its report is about. Accounts are found by their ids: the config may call them otherwise by
// now.

import type { OpenAccount } from "../../accounts/accounts.ts";
import { AppError, visible } from "../../core/errors.ts";
import { apiOf } from "../../mapping/place.ts";
import type { AccountSide } from "../../migration/migration-record.ts";
import type { Context } from "../context.ts";

/** At the same API; of several, the one of the name that it had. Throws AppError "config-missing". */
export async function findAccount(context: Context, { account, accountId, api }: AccountSide): Promise<OpenAccount> {
  const { accounts } = await context.config();
  const fitting = [...accounts.values()].filter(
    (candidate) => candidate.accountId === accountId && apiOf(candidate.endpoint) === api,
  );
  const found = fitting.find(({ name }) => name === account) ?? fitting[0];
  if (found !== undefined) return context.account(found.name);
  throw new AppError(
    "config-missing",
    `the config has no account with the id ${visible(accountId)} at ${visible(api)}; it was called "${visible(account)}"`,
    { hint: `add it under accounts: in the config, as ${visible(account)}` },
  );
}
