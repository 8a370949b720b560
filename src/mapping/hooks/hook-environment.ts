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
  const isSecret = (text: string): boolean => values.some((value) => tells(text, value));
  const allowed: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || isOwn(name)) continue;
    if (!isSecret(value.trim())) allowed[name] = value;
  }
  return allowed;
}

/** Whether whoever knows `text` knows `secret`, or the part of it that matters. */
function tells(text: string, secret: string): boolean {
  if (text === secret) return true;
  if (text.length < PART_LENGTH_MIN || !secret.includes(text)) return false;
  if (!/^https?:\/\//i.test(secret)) return true;
  // Of an address the host is told everywhere, and words of its path are anybody's: what is secret is the rest.
  const tokens = secret
    .replace(/^\w+:\/\/[^/?#]*/, "")
    .split(SEPARATOR)
    .filter(mayBeToken);
  return text.split(SEPARATOR).some((part) => mayBeToken(part) && tokens.some((token) => token.includes(part)));
}

const SEPARATOR = /[/?#&=]/;

/** Of a word that is not in lower case alone it cannot be told. */
function mayBeToken(part: string): boolean {
  return part.length >= PART_LENGTH_MIN && !/^[a-z][a-z._-]*$/.test(part);
}
