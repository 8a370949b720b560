// The few answers outside KV that clients ask for first: which accounts a token reaches (wrangler, when it is not told
// one), and whether it is valid.

import { success } from "../answer.ts";
import type { OperationDeps, OperationHandler } from "./operation.ts";

/** Named when no account has a namespace yet; any other id works as well. */
const ACCOUNT_DEFAULT = "local";

export const listAccounts: OperationHandler = async (deps) => {
  const accounts = (await accountIds(deps)).map((id) => ({ id, name: id, type: "standard" }));
  return success(JSON.stringify(accounts), pageInfo(accounts.length));
};

export const listMemberships: OperationHandler = async (deps) => {
  const memberships = (await accountIds(deps)).map((id) => ({
    id,
    status: "accepted",
    account: { id, name: id },
    roles: [],
  }));
  return success(JSON.stringify(memberships), pageInfo(memberships.length));
};

export const verifyToken: OperationHandler = () => success('{"id":"embedded","status":"active"}');

async function accountIds({ store, asker }: OperationDeps): Promise<string[]> {
  const known = await store.namespaces.accounts();
  return known.length === 0 ? [ACCOUNT_DEFAULT].filter((id) => asker.rights.mayUseAccount(id)) : known;
}

function pageInfo(count: number): string {
  return JSON.stringify({ page: 1, per_page: count, count, total_count: count, total_pages: 1 });
}
