// What is remembered of those who are told when a person should look, as text that notices/ makes and reads.

import type { Journal } from "./journal.ts";

export interface NoticeTargets {
  /** Undefined: nothing is remembered of it. */
  get(target: string): string | undefined;
  put(target: string, state: string): void;
  /** Forgets all others. */
  keep(targets: ReadonlySet<string>): void;
}

export function openNoticeTargets({ database }: Journal): NoticeTargets {
  const select = database.prepare("SELECT state FROM notice_target WHERE target = ?");
  const names = database.prepare("SELECT target FROM notice_target");
  const insert = database.prepare("INSERT OR REPLACE INTO notice_target VALUES (?, ?)");
  const remove = database.prepare("DELETE FROM notice_target WHERE target = ?");
  return {
    get: (target) => (select.get(target) as { readonly state: string } | undefined)?.state,
    put: (target, state) => void insert.run(target, state),
    keep: (targets) => {
      for (const { target } of names.all() as { readonly target: string }[])
        if (!targets.has(target)) remove.run(target);
    },
  };
}
