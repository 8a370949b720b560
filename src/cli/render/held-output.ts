// What a command says while it only looks ahead: kept back, and said if it turns out to matter.

import type { Output } from "./output.ts";

export interface HeldOutput {
  readonly output: Output;
  /** Says what was kept back. */
  tell(): void;
}

/** `output` with its lines kept back, but for those that list what would be done: they may be many. */
export function holdBack(output: Output): HeldOutput {
  const said: (() => void)[] = [];
  return {
    output: {
      ...output,
      progressStream: undefined,
      line: () => {},
      detail: () => {},
      report: (text) => said.push(() => output.report(text)),
      event: (record) => {
        if ("type" in record && SAID.has(record.type)) said.push(() => output.event(record));
      },
      note: (text) => said.push(() => output.note(text)),
      warn: (text, record) => said.push(() => output.warn(text, record)),
    },
    tell: () => {
      for (const say of said) say();
    },
  };
}

const SAID: ReadonlySet<unknown> = new Set(["problem", "held", "summary", "error"]);
