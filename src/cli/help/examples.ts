// What each command's help ends with: an example or two, which work as they are printed in a folder that `kvsync init` has
// set up. The only place for them.

interface Example {
  /** As it is typed in a shell. */
  readonly type: string;
  readonly does: string;
}

/** By the command's name and those above it: "key list". In an order in which they can be tried. */
export const EXAMPLES: Readonly<Record<string, readonly Example[]>> = {
  "": [
    { type: "kvsync init", does: "write a config to begin with, and a folder to try it with" },
    { type: "kvsync run", does: "keep that folder and its namespace in step until Ctrl-C" },
  ],
  init: [
    { type: "kvsync init", does: "write ./kvsync.yaml and ./example/app-config" },
    {
      type: "kvsync init --from-wrangler",
      does: "a mapping for each KV namespace of the Worker whose wrangler.jsonc is nearest",
    },
    { type: "kvsync init --if-missing", does: "the same, and no failure if the config exists" },
  ],
  doctor: [
    { type: "kvsync doctor", does: "check the config, the folders, the accounts and this machine" },
    { type: "kvsync doctor --json", does: "the same, as lines of JSON" },
  ],
  notify: [{ type: "kvsync notify test", does: "see whether those who are to be told get a notice" }],
  "notify test": [
    { type: "kvsync notify test", does: "send a notice to all of notify: in the config, and tell whether it arrived" },
  ],
  push: [
    { type: "kvsync push --dry-run", does: "show what a push of all mappings of mode push would do" },
    { type: "kvsync push app-config", does: "write the files of one mapping to its namespace" },
  ],
  pull: [
    { type: "kvsync pull", does: "write the keys of all mappings of mode pull to their folders" },
    {
      type: "kvsync pull app-config --against-mode --dry-run",
      does: "show what a pull of a mapping of mode push would do",
    },
  ],
  run: [
    { type: "kvsync run", does: "keep all mappings in step until Ctrl-C" },
    { type: "kvsync run app-config --health 127.0.0.1:9464", does: "one mapping only; answer /health and /metrics" },
    { type: "kvsync run --page", does: "serve the status page as well, at http://127.0.0.1:9478" },
  ],
  page: [{ type: "kvsync page", does: "print a link to the status page of a daemon that was started with --page" }],
  status: [
    { type: "kvsync status", does: "show how each mapping stands" },
    { type: "kvsync status --watch", does: "go on showing it, until Ctrl-C" },
    { type: "kvsync status app-config --wait --timeout 1m", does: "wait until this mapping is in step" },
  ],
  sync: [
    { type: "kvsync sync", does: "carry each mapping once, as its mode says" },
    { type: "kvsync sync app-config --now", does: "ask the running daemon to look at this mapping at once" },
  ],
  diff: [
    { type: "kvsync diff", does: "show what differs, key by key, and change nothing" },
    { type: "kvsync diff app-config --values flags/checkout.json", does: "show how the two values of one key differ" },
  ],
  plan: [{ type: "kvsync plan app-config --out plan.kvsync", does: "save what a round would do, and do nothing" }],
  apply: [{ type: "kvsync apply plan.kvsync", does: "do exactly what kvsync plan has saved, once" }],
  backup: [
    {
      type: "kvsync backup local:app-config ./backups --no-encryption",
      does: "store a snapshot of a namespace; make the repository if there is none",
    },
    {
      type: "kvsync backup 'local:*' ./backups --skip-if-unchanged --tag nightly",
      does: "of every namespace of an account that has changed",
    },
  ],
  copy: [
    { type: "kvsync copy local:app-config ./backup", does: "copy a namespace to a folder" },
    {
      type: "kvsync copy ./backup local:app-config --delete --dry-run",
      does: "show what making it as the folder is would do",
    },
    {
      type: "kvsync copy ./backups ./other-backups --no-encryption",
      does: "copy the snapshots that another repository lacks",
    },
  ],
  check: [
    {
      type: "kvsync check ./backup local:app-config",
      does: "compare a folder with a namespace; exit code 4 if they differ",
    },
    { type: "kvsync check ./backup local:app-config --values", does: "the same, but read every value" },
    { type: "kvsync check ./backups --read-data", does: "hold every byte of a repository against its hash" },
  ],
  export: [
    { type: "kvsync export local:app-config app-config.ndjson.zst", does: "write all of a namespace to one file" },
    { type: "kvsync export local:app-config - | gzip > app-config.ndjson.gz", does: "through other programs" },
  ],
  import: [
    {
      type: "kvsync import app-config.ndjson.zst local:app-config --dry-run",
      does: "show what an import would write",
    },
    { type: "kvsync import app-config.ndjson.zst local:app-config", does: "write it" },
  ],
  snapshots: [{ type: "kvsync snapshots ./backups", does: "show which snapshots there are, with their ids" }],
  ls: [
    { type: "kvsync ls ./backups@latest:app-config flags/", does: "list the keys of a folder in the last snapshot" },
  ],
  find: [
    { type: "kvsync find ./backups flags/checkout.json", does: "show when this key changed, and in which snapshots" },
    { type: "kvsync find ./backups 'flags/*.json'", does: "show it of all keys that match" },
  ],
  cat: [
    {
      type: "kvsync cat ./backups@latest:app-config flags/checkout.json",
      does: "print a value as it was in the last snapshot",
    },
  ],
  restore: [
    {
      type: "kvsync restore ./backups@latest:app-config local:app-config --dry-run",
      does: "show what differs from the last snapshot",
    },
    {
      type: "kvsync restore ./backups@latest:app-config local:app-config --prefix flags/",
      does: "write back one folder of keys, and only what differs",
    },
  ],
  drill: [
    { type: "kvsync drill ./backups", does: "prove of the last snapshot of each namespace that all of it comes back" },
    { type: "kvsync drill ./backups latest --namespace app-config", does: "of one namespace" },
  ],
  forget: [
    {
      type: "kvsync forget ./backups --keep-last 3 --keep-daily 14 --keep-monthly 12 --dry-run",
      does: "show what these rules keep, and why",
    },
    { type: "kvsync forget ./backups --keep-within 30d --prune", does: "forget what is older, and begin to free it" },
    { type: "kvsync forget ./backups 3f2a9c41", does: "forget one snapshot" },
  ],
  prune: [
    { type: "kvsync prune ./backups --dry-run", does: "show what no snapshot needs any more" },
    { type: "kvsync prune ./backups", does: "mark it, and remove what was marked more than a day ago" },
  ],
  repair: [
    { type: "kvsync repair index ./backups", does: "make the index of a repository anew, from its packs alone" },
  ],
  "repair index": [{ type: "kvsync repair index ./backups", does: "make the index anew, from the packs alone" }],
  approve: [
    { type: "kvsync approve app-config", does: "let the plan run that this mapping is held with" },
    {
      type: "kvsync approve app-config --plan 3f2a9c41",
      does: "only if it is still the plan that kvsync status named",
    },
  ],
  conflicts: [{ type: "kvsync conflicts list", does: "list the keys that both sides changed" }],
  "conflicts list": [
    { type: "kvsync conflicts list", does: "list the keys that both sides changed" },
    { type: "kvsync conflicts list app-config --fail", does: "exit with code 6 if this mapping has any" },
  ],
  "conflicts show": [
    { type: "kvsync conflicts show app-config robots.txt", does: "show both versions, and what each choice would do" },
  ],
  "conflicts resolve": [
    { type: "kvsync conflicts resolve app-config robots.txt --keep local", does: "keep the version of the folder" },
    {
      type: "kvsync conflicts resolve app-config --all --keep remote --yes",
      does: "keep the remote version of every key",
    },
  ],
  discard: [{ type: "kvsync discard app-config", does: "drop the plan that this mapping is held with, and pause it" }],
  pause: [
    { type: "kvsync pause app-config --reason 'a deploy'", does: "do nothing of this mapping until it is resumed" },
    { type: "kvsync pause --all", does: "the same of all" },
  ],
  resume: [
    { type: "kvsync resume app-config", does: "go on with it, and look at all that has changed meanwhile" },
    { type: "kvsync resume --all", does: "go on with all that are paused" },
  ],
  history: [
    { type: "kvsync history app-config --limit 10", does: "show the last ten lines of one mapping" },
    { type: "kvsync history --key flags/checkout.json", does: "show what happened to one key" },
    { type: "kvsync history --text flags/ --since 2h", does: "what happened to keys with that in them, in two hours" },
    {
      type: "kvsync history app-config --key flags/checkout.json --at 2026-11-29",
      does: "the last that had happened to it by the end of that day",
    },
  ],
  events: [
    { type: "kvsync events", does: "show what happens from now on, until Ctrl-C" },
    { type: "kvsync events app-config --json --follow", does: "as lines of JSON, also after the daemon was restarted" },
  ],
  trash: [
    { type: "kvsync trash list", does: "show what was replaced or removed, with its number" },
    { type: "kvsync trash restore 1 --to old.txt", does: "write number 1 of the list to a file" },
  ],
  "trash list": [
    { type: "kvsync trash list app-config", does: "show what is kept of one mapping" },
    { type: "kvsync trash list --key flags/checkout.json", does: "show the versions that are kept of one key" },
  ],
  "trash restore": [
    { type: "kvsync trash restore 1 --to -", does: "print number 1 of the list" },
    { type: "kvsync trash restore 1", does: "write number 1 back to where it was, if there is no such file now" },
    { type: "kvsync trash restore 1 --replace", does: "also where there is one, which the trash keeps then" },
    {
      type: "kvsync trash restore app-config --at 2h --dry-run",
      does: "show which files would be as they were two hours ago",
    },
  ],
  "trash empty": [
    { type: "kvsync trash empty app-config --older-than 30d --yes", does: "remove for good what was kept long ago" },
  ],
  reload: [{ type: "kvsync reload", does: "let the daemon read its config again, after an edit" }],
  namespace: [
    { type: "kvsync namespace list", does: "list the namespaces of the only account" },
    { type: "kvsync namespace get local:app-config", does: "show the id of one" },
  ],
  "namespace list": [{ type: "kvsync namespace list local", does: "list the namespaces of one account" }],
  "namespace get": [{ type: "kvsync namespace get local:app-config", does: "show the id of a namespace" }],
  "namespace create": [
    { type: "kvsync namespace create local:staging", does: "create a namespace in the account local" },
  ],
  "namespace rename": [{ type: "kvsync namespace rename local:staging preview", does: "give it another title" }],
  "namespace delete": [
    { type: "kvsync namespace delete local:preview --yes", does: "delete a namespace with all its keys, unasked" },
  ],
  key: [
    { type: "kvsync key list -n app-config", does: "list the keys of a mapping's namespace" },
    { type: "kvsync key get flags/checkout.json", does: "print a value" },
  ],
  "key list": [
    { type: "kvsync key list -n app-config", does: "list the keys of a mapping's namespace" },
    { type: "kvsync key list --long", does: "with sizes, expirations and metadata" },
    { type: "kvsync key list local:app-config/flags/ --json", does: "those in a folder, with metadata and expiration" },
  ],
  "key get": [
    { type: "kvsync key get flags/checkout.json", does: "print a value" },
    { type: "kvsync key get assets/icon.png -n local:app-config -o icon.png", does: "write a value to a file" },
  ],
  "key put": [
    { type: `kvsync key put flags/beta.json '{"on": true}' --ttl 1h`, does: "write a value that expires in an hour" },
    { type: "date | kvsync key put built-at --path -", does: "write what another program prints" },
  ],
  "key metadata": [{ type: "kvsync key metadata assets/icon.png", does: "print the metadata of a key" }],
  "key delete": [{ type: "kvsync key delete flags/beta.json built-at", does: "delete two keys" }],
  bulk: [
    {
      type: "kvsync bulk get flags/checkout.json flags/search.json > flags.ndjson",
      does: "save two keys as lines of JSON",
    },
    { type: "kvsync bulk put flags.ndjson", does: "write them" },
  ],
  "bulk get": [
    {
      type: "kvsync bulk get flags/checkout.json flags/search.json > flags.ndjson",
      does: "save two keys as lines of JSON",
    },
    {
      type: "kvsync key list local:app-config/i18n/ | kvsync bulk get - > i18n.ndjson",
      does: "save all keys of a folder",
    },
  ],
  "bulk put": [
    { type: "kvsync bulk put flags.ndjson", does: "write what bulk get has saved" },
    {
      type: `echo '[{"key": "a", "value": "1"}]' | kvsync bulk put - -n app-config`,
      does: "write what another program prints",
    },
  ],
  "bulk delete": [
    { type: "kvsync bulk delete a flags/search.json", does: "delete two keys" },
    { type: "kvsync key list local:app-config/i18n/ | kvsync bulk delete -", does: "delete all keys of a folder" },
  ],
  map: [
    { type: "kvsync map pages/index.html", does: "show which file holds this key" },
    { type: "kvsync map ./example/app-config/robots.txt", does: "show which key this file is" },
  ],
  serve: [
    { type: "kvsync serve --data ./kv-data", does: "serve the KV API on port 8787, and keep the data" },
    {
      type: "kvsync serve --data ./kv-data --tokens tokens.yaml",
      does: "to several people and programs, each with a token that may do what the file says",
    },
    {
      type: "kvsync serve --port 0 --rate-limit 1200/5m --settle 60s",
      does: "on a free port, as strict and slow as Cloudflare",
    },
    {
      type: "kvsync serve --import ./archives/",
      does: "begin with what kvsync export wrote: a namespace for each archive",
    },
    {
      type: "kvsync serve --snapshot ./backups@latest:app-config",
      does: "serve a namespace as it was backed up, read-only",
    },
  ],
  migrate: [
    {
      type: "kvsync migrate local:app-config local:app-config-2 --name move --dry-run",
      does: "look at both sides, and tell what would be done and what stands in the way",
    },
    {
      type: "kvsync migrate local:app-config local:app-config-2 --name move",
      does: "copy the namespace; typed again, go on where it stopped",
    },
  ],
  "migrate status": [{ type: "kvsync migrate status move", does: "show how it stands, from any terminal" }],
  "migrate verify": [
    {
      type: "kvsync migrate verify .kvsync/migrations/move/report.json",
      does: "compare both sides again, from the report alone",
    },
  ],
  "migrate cutover": [
    {
      type: "kvsync migrate cutover move",
      does: "of a migration with --follow that is ready: make the last pass, and prove it",
    },
  ],
  "migrate abort": [{ type: "kvsync migrate abort move", does: "end a migration that has begun, whoever runs it" }],
  "migrate undo": [
    { type: "kvsync migrate undo move --dry-run", does: "tell what would be removed, put back, and left" },
  ],
  version: [{ type: "kvsync version --json", does: "print the versions, for a report of a problem" }],
  completion: [
    { type: `eval "$(kvsync completion bash)"`, does: "in ~/.bashrc" },
    { type: `eval "$(kvsync completion zsh)"`, does: "in ~/.zshrc, after compinit" },
    { type: "kvsync completion fish | source", does: "in ~/.config/fish/config.fish" },
  ],
};

/** The end of the help of the command `path`; undefined if there is no such command. */
export function renderExamples(path: readonly string[]): string | undefined {
  const examples = EXAMPLES[path.join(" ")];
  if (examples === undefined) return undefined;
  return `\n${examples.length === 1 ? "Example" : "Examples"}:\n${examples
    .map(({ type, does }) => `  ${type}\n      ${does}`)
    .join("\n")}`;
}
