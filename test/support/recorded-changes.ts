// What a server was asked to change, key by key, in the order of its answers.

import type { AnsweredExchange } from "../../src/server/answered-exchange.ts";

export interface RecordedChanges {
  /** For the server to tell. */
  readonly onAnswer: (exchange: AnsweredExchange) => void;
  /** The values that each key was given; `undefined` where it was deleted. */
  readonly byKey: ReadonlyMap<string, readonly (string | undefined)[]>;
  forget(): void;
}

interface Pair {
  readonly key: string;
  readonly value: string;
  readonly base64?: boolean;
}

export function recordChanges(): RecordedChanges {
  const byKey = new Map<string, (string | undefined)[]>();
  const note = (key: string, value: string | undefined): void => {
    byKey.set(key, [...(byKey.get(key) ?? []), value]);
  };
  return {
    byKey,
    onAnswer: ({ method, path, requestBody }) => {
      const body = requestBody?.toString() ?? "";
      if (method === "PUT" && path.endsWith("/bulk")) {
        for (const { key, value, base64 } of JSON.parse(body) as Pair[])
          note(key, base64 === true ? Buffer.from(value, "base64").toString() : value);
      } else if (method === "POST" && path.endsWith("/bulk/delete")) {
        for (const key of JSON.parse(body) as string[]) note(key, undefined);
      } else if (method === "PUT" || method === "DELETE") {
        const key = decodeURIComponent(path.slice(path.lastIndexOf("/") + 1));
        note(key, method === "PUT" ? body : undefined);
      }
    },
    forget: () => byKey.clear(),
  };
}
