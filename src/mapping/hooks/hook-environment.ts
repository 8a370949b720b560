// What a hook's program finds in its environment: the daemon's own, without secrets and without what systemd meant for
// the daemon alone.

import type { Secret } from "../../config/secret.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** kvsync's own settings for its accounts, its passphrase, and what it opens object storage with. */
const OWN_VARIABLE = /^CLOUDFLARE_|^KVSYNC_PASSPHRASE|^AWS_(?:ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN)$/;

/** systemd's words to the process it started: with these a hook could speak to systemd in the daemon's name, or would
 * take its stderr for the journal. */
const SERVICE_VARIABLES: ReadonlySet<string> = new Set([
  "NOTIFY_SOCKET",
  "WATCHDOG_USEC",
  "WATCHDOG_PID",
  "CREDENTIALS_DIRECTORY",
  "JOURNAL_STREAM",
  "LISTEN_PID",
  "LISTEN_FDS",
  "LISTEN_FDNAMES",
  "MAINPID",
]);

/** What main.ts asks of malloc for itself. */
const MALLOC_VARIABLE = /^MALLOC_/;

function isOwn(name: string): boolean {
  return OWN_VARIABLE.test(name) || MALLOC_VARIABLE.test(name) || SERVICE_VARIABLES.has(name);
}

/** What is shorter may be any word. */
const PART_LENGTH_MIN = 8;

/** `env` as a hook may see it. Whatever its name, a variable that holds one of `secrets`, or a part of one, is left out: a config takes its
 * tokens from any `${NAME}`, as in `Bearer ${NAME}`. */
export function hookEnvironment(env: Environment, secrets: readonly Secret[]): Record<string, string> {
  const values = secrets.map((secret) => secret.reveal());
  const isSecret = (text: string): boolean =>
    values.some((value) => value === text || (text.length >= PART_LENGTH_MIN && value.includes(text)));
  const allowed: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || isOwn(name)) continue;
    if (!isSecret(value.trim())) allowed[name] = value;
  }
  return allowed;
}
