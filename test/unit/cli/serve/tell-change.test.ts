// A line for each change: for people, and for programs.

import { expect, it } from "vitest";
import { changeRecord, renderChange } from "../../../../src/cli/serve/tell-change.ts";
import type { EpochMs } from "../../../../src/core/clock.ts";
import type { Change } from "../../../../src/server/access/recorded-change.ts";

const change: Change = {
  at: Date.parse("2026-11-29T10:12:03.120Z") as EpochMs,
  by: "ci",
  from: "192.0.2.7",
  operation: "write",
  account: "dev",
  namespace: "0f24",
  title: "app",
  newTitle: undefined,
  key: "a/b",
  keys: undefined,
  isDone: true,
  status: 200,
};
const none = { key: undefined };
const refused = { isDone: false, status: 403, title: undefined };

it.each<[Partial<Change>, string]>([
  [{}, 'ci: write "a/b" in dev:"app" (0f24): done'],
  [{ operation: "delete", by: "any token" }, 'any token: delete "a/b" in dev:"app" (0f24): done'],
  [{ ...none, operation: "bulkWrite", keys: 1 }, 'ci: bulk write 1 key in dev:"app" (0f24): done'],
  [{ ...none, operation: "bulkDelete", keys: 2000 }, 'ci: bulk delete 2000 keys in dev:"app" (0f24): done'],
  [{ ...none, operation: "namespaceCreate", newTitle: "app" }, 'ci: create namespace dev:"app" (0f24): done'],
  [{ ...none, operation: "namespaceRename", newTitle: "b" }, 'ci: rename namespace dev:"app" (0f24) as "b": done'],
  [{ ...none, operation: "namespaceDelete" }, 'ci: delete namespace dev:"app" (0f24): done'],
  [refused, 'ci: write "a/b" in dev (0f24): refused, 403'],
  [{ ...none, ...refused, operation: "bulkWrite" }, "ci: bulk write in dev (0f24): refused, 403"],
  [
    { ...none, ...refused, operation: "namespaceCreate", namespace: undefined, newTitle: "prod" },
    'ci: create namespace dev:"prod": refused, 403',
  ],
  [{ isDone: false, status: 500 }, 'ci: write "a/b" in dev:"app" (0f24): failed, 500'],
  [{ status: 500 }, 'ci: write "a/b" in dev:"app" (0f24): done, but answered 500'],
  [{ key: "\u001b[2J\n\u202e" }, 'ci: write "\\u001b[2J\\n\\u202e" in dev:"app" (0f24): done'],
  [{ title: 'x": done\r\n', key: "k" }, 'ci: write "k" in dev:"x\\": done\\r\\n" (0f24): done'],
])("%j", (rest, expected) => {
  expect(renderChange({ ...change, ...rest })).toBe(`2026-11-29T10:12:03.120Z ${expected}, from 192.0.2.7`);
});

it("for programs has what is known, and no more", () => {
  expect(JSON.parse(JSON.stringify(changeRecord(change)))).toEqual({
    type: "change",
    at: "2026-11-29T10:12:03.120Z",
    by: "ci",
    from: "192.0.2.7",
    operation: "write",
    account: "dev",
    namespace: "0f24",
    title: "app",
    key: "a/b",
    done: true,
    status: 200,
  });
});
