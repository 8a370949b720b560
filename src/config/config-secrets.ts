// The secrets of a config.

import type { Config } from "./config.ts";
import type { Secret } from "./secret.ts";

/** Those that stand in the config, and so perhaps in the environment: hooks are not to see them. */
export function configSecrets({ accounts }: Config): readonly Secret[] {
  return [...accounts.values()].flatMap(({ credentials }) => {
    if (credentials.kind === "none") return [];
    const source = credentials.kind === "token" ? credentials.token : credentials.key;
    return source.kind === "value" ? [source.secret] : [];
  });
}
