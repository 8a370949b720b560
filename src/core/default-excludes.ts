// What no mapping and no copy of a folder takes for keys unless it is told to: version control, secrets of the environment,
// installed packages, and what editors and file managers leave beside the files that people mean. Keys of such names that
// a namespace has are not managed: they are neither pulled nor deleted.
//
// Not in the list, since they may well be somebody's data: `*.tmp`, and names that a program gives to a file only while it writes
// it, and that say nothing of it: `4913` (vim), `tmpXXXXXX` (Emacs), `sedXXXXXX`, `XXXXXXXX` (perl -pi). test/e2e/editor-saves.test.ts
// tells what becomes of them.

/** In gitignore syntax, before a mapping's own `exclude`, which may take back one: `!.env.example`. */
export const DEFAULT_EXCLUDES: readonly string[] = [
  ".git",
  ".hg/",
  ".svn/",
  ".env",
  ".env.*",
  "node_modules/",
  // vim (two, beside a buffer without a name), Emacs, GNOME, Kate, LibreOffice, JetBrains, VS Code on the desktop and in a browser,
  // and what most others do.
  ".*.sw[a-px]",
  ".sw[a-px]",
  "\\#*#",
  ".#*",
  ".goutputstream-*",
  ".*.kate-swp",
  ".~lock.*#",
  "*___jb_tmp___",
  "*___jb_old___",
  "*.vsctmp",
  "*.crswap",
  "*~",
  ".DS_Store",
  "Thumbs.db",
  // kvsync's own: its config, which may hold a token, and its state.
  "kvsync.yaml",
  ".kvsync/",
];

/** Whether one of the default patterns could match `key`, or the folder of that name with its final "/": nearly no key is
 * asked all patterns. */
export function mayBeExcludedByDefault(key: string): boolean {
  return SUSPICIOUS.test(key);
}

const SUSPICIOUS =
  /(?:^|\/)(?:[.#]|node_modules\/|Thumbs\.db|kvsync\.yaml)|___jb_|\.vsctmp(?:\/|$)|\.crswap(?:\/|$)|~(?:\/|$)/;

/** Whether the name of `key` is one that secrets are kept under. Only a reason to warn. */
export function looksSecret(key: string): boolean {
  return SECRET.test(key);
}

const SECRET =
  /(?:^|\/)(?:\.env(?:\.[^/]*)?|id_(?:rsa|dsa|ecdsa|ed25519)|[^/]*\.(?:pem|key|p12|pfx|jks|keystore|kdbx)|\.npmrc|\.netrc|_netrc|\.pypirc|\.pgpass|\.htpasswd|\.git-credentials|\.aws\/credentials|\.docker\/config\.json|credentials(?:\.[^/]*)?|secrets?\.(?:ya?ml|json|toml|env))$/i;
