// The secrets of a config.

import type { Config, NoticeTarget, RepositoryConfig } from "./config.ts";
import type { Secret, SecretSource } from "./secret.ts";

/** Those that stand in the config, and so perhaps in the environment: hooks are not to see them. */
export function configSecrets({ accounts, repositories, notify }: Config): readonly Secret[] {
  const sources = [...accountSources(accounts), ...repositorySources(repositories)];
  const values = sources.flatMap((source) => (source.kind === "value" ? [source.secret] : []));
  return [...values, ...notify.flatMap(({ to }) => noticeSecrets(to))];
}

/** The address, the headers, and what it is signed with, unless that is in a file. */
export function noticeSecrets(to: NoticeTarget): readonly Secret[] {
  if (to.kind === "program") return [];
  const signed = to.secret?.kind === "value" ? [to.secret.secret] : [];
  return [to.url, ...to.headers.values(), ...signed];
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
