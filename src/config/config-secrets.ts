// The secrets of a config.

import type { Config, RepositoryConfig } from "./config.ts";
import type { Secret, SecretSource } from "./secret.ts";

/** Those that stand in the config, and so perhaps in the environment: hooks are not to see them. */
export function configSecrets({ accounts, repositories }: Config): readonly Secret[] {
  return [...accountSources(accounts), ...repositorySources(repositories)].flatMap((source) =>
    source.kind === "value" ? [source.secret] : [],
  );
}

function accountSources(accounts: Config["accounts"]): readonly SecretSource[] {
  return [...accounts.values()].flatMap(({ credentials }) => {
    if (credentials.kind === "none") return [];
    return [credentials.kind === "token" ? credentials.token : credentials.key];
  });
}

function repositorySources(repositories: Config["repositories"]): readonly SecretSource[] {
  return [...repositories.values()].flatMap(repositorySecrets);
}

export function repositorySecrets({ store, passphrase }: RepositoryConfig): readonly SecretSource[] {
  const own = passphrase === undefined ? [] : [passphrase];
  if (store.kind === "folder" || store.credentials.kind === "environment") return own;
  return [...own, store.credentials.accessKeyId, store.credentials.secretAccessKey];
}
