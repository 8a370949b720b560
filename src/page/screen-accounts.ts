// Accounts: what is left of each one's budget, what used it, and whether it answers.

import { count, counted } from "../core/counted.ts";
import { renderByteCount, renderDuration } from "../core/units.ts";
import type { App, Screen } from "./app.ts";
import type { AccountStatus } from "./contract.ts";
import { type Content, h, type Shape } from "./dom.ts";
import { facts, gauge } from "./parts.ts";
import { name, prose } from "./words.ts";

const KINDS: Readonly<Record<string, string>> = {
  list: "listings of keys",
  bulkWrite: "bulk writes",
  bulkDelete: "bulk deletes",
  bulkGet: "bulk reads",
  read: "reads of one value",
  write: "writes of one value",
  delete: "deletes of one key",
  metadata: "reads of metadata",
  namespace: "of namespaces",
  changes: "for the change feed",
};

export function openAccountsScreen(app: App): Screen {
  return {
    title: "Accounts",
    draw() {
      const accounts = app.status?.accounts ?? [];
      return [
        h("h1", null, "Accounts"),
        app.status !== undefined && accounts.length === 0 ? h("p", null, "No account is in use.") : null,
        h("div", { class: "cards" }, accounts.map(card)),
      ];
    },
  };
}

function card(status: AccountStatus): Shape {
  const { account, budget, budgetLeft, waiting, retrying, retryingForMs, requests, requestsFor } = status;
  return h(
    "section",
    { key: account, class: "card", "aria-label": `Account ${account}` },
    h("h2", null, name(account)),
    budget === null || budgetLeft === null
      ? h("p", null, "It has no request limit.")
      : [
          gauge(`Requests left of ${account}`, budgetLeft, budget.requests),
          h(
            "p",
            null,
            h("strong", null, count(budgetLeft)),
            ` of ${counted(budget.requests, "request")} left in ${renderDuration(budget.windowMs)}`,
          ),
        ],
    waiting > 0
      ? h("p", { class: "note warn" }, `${counted(waiting, "request waits", "requests wait")} for the budget.`)
      : null,
    retrying === null
      ? null
      : h(
          "p",
          { class: "note bad" },
          `No good answer for ${renderDuration(retryingForMs ?? 0)}, trying again: `,
          prose(retrying),
        ),
    purposes(requestsFor),
    h("h3", null, "Sent since it was connected"),
    usage(requests),
  );
}

const PURPOSES = {
  scan: "listings of namespaces",
  edit: "values and changes",
  scrub: "the scrub",
  backup: "backups",
} as const;

/** What used the budget. */
function purposes(requestsFor: AccountStatus["requestsFor"]): Content {
  const used = Object.entries(requestsFor)
    .filter(([, number]) => number > 0)
    .toSorted(([, a], [, b]) => b - a);
  if (used.length === 0) return null;
  return [
    h("h3", null, "What used it"),
    facts(used.map(([purpose, number]) => [PURPOSES[purpose as keyof typeof PURPOSES], count(number)] as const)),
  ];
}

function usage(requests: AccountStatus["requests"]): Content {
  const { total, retries, bytesUp, bytesDown } = requests;
  const kinds = Object.entries(requests)
    .filter(([kind, number]) => kind in KINDS && number > 0)
    .toSorted(([, a], [, b]) => b - a);
  return facts([
    ["requests", count(total)],
    ...kinds.map(([kind, number]) => [KINDS[kind] ?? kind, count(number)] as const),
    retries > 0 && ["sent again", count(retries)],
    ["bytes up", renderByteCount(bytesUp)],
    ["bytes down", renderByteCount(bytesDown)],
  ]);
}
