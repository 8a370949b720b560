// Completion scripts: the tree of commands as text for a shell. They hold all there is to know of commands and options, so that
// completing these starts no process; the names of mappings and accounts are asked for (`kvsync completion names`).

export const shells = ["bash", "zsh", "fish"] as const;

export interface CommandNames {
  /** Empty for `kvsync` itself; `["key", "list"]`. */
  readonly path: readonly string[];
  readonly subcommands: readonly { readonly name: string; readonly summary: string }[];
  readonly options: readonly { readonly long: string; readonly description: string }[];
  /** What its arguments name; undefined: nothing of the config. */
  readonly takes?: NamedThing | undefined;
}

/** "namespaces": what begins with an account's name and a colon. */
export type NamedThing = "mappings" | "accounts" | "namespaces";

/** What `-n` takes. */
const NAMESPACE_OPTIONS = "-n|--namespace";

/** `commands` begins with `kvsync` itself, whose options all others take too. */
export function renderCompletion(shell: (typeof shells)[number], commands: readonly CommandNames[]): string {
  switch (shell) {
    case "bash":
      return renderBash(commands);
    case "zsh":
      return renderZsh(commands);
    case "fish":
      return renderFish(commands);
  }
}

/** The path of the command that is being typed, from the words before the cursor: shared by bash and zsh. */
function pathLoop(commands: readonly CommandNames[], words: string): string {
  const known = commands.filter(({ path }) => path.length > 0).map(({ path }) => quote(path.join(" ")));
  return `  local word try path=""
  for word in ${words}; do
    try="\${path:+$path }$word"
    case "$try" in
      ${known.join("|")}) path="$try" ;;
    esac
  done`;
}

function renderBash(commands: readonly CommandNames[]): string {
  const cases = commands.map(({ path, subcommands, options, takes }) => {
    const words = [...subcommands.map(({ name }) => name), ...wordsOf(options)];
    const all = [...words, ...wordsOf(path.length > 0 ? (commands[0]?.options ?? []) : [])];
    const asked = takes === undefined ? "" : `; names=${takes}`;
    return `    ${quote(path.join(" "))}) words=${quote(all.join(" "))}${asked} ;;`;
  });
  return `# bash completion for kvsync: eval "$(kvsync completion bash)"
_kvsync() {
${pathLoop(commands, '"${COMP_WORDS[@]:1:COMP_CWORD-1}"')}
  local words names=""
  case "$path" in
${cases.join("\n")}
  esac
  case "\${COMP_WORDS[COMP_CWORD-1]}" in
    ${NAMESPACE_OPTIONS}) words="" names=namespaces ;;
  esac
  if [[ -n $names && "\${COMP_WORDS[COMP_CWORD]}" != -* ]]; then
    words="$words $(kvsync completion names "$names" 2>/dev/null)"
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}")
}
complete -o default -o bashdefault -F _kvsync kvsync
`;
}

function renderZsh(commands: readonly CommandNames[]): string {
  const cases = commands.map(({ path, subcommands, options, takes }) => {
    const all = path.length > 0 ? [...options, ...(commands[0]?.options ?? [])] : options;
    const names = subcommands.map(({ name, summary }) => quote(`${name}:${summary}`));
    const flags = all.map(({ long, description }) => quote(`${long}:${description}`));
    return `    ${quote(path.join(" "))}) names=(${names.join(" ")}); flags=(${flags.join(" ")}); asked=${quote(takes ?? "")} ;;`;
  });
  return `#compdef kvsync
# zsh completion for kvsync: eval "$(kvsync completion zsh)"
_kvsync() {
${pathLoop(commands, '"${words[@]:1:$((CURRENT-2))}"')
  .replace("  local word try path", "  local word try cmd")
  .replaceAll(/\bpath\b/g, "cmd")}
  local -a names flags given
  local asked=""
  case "$cmd" in
${cases.join("\n")}
  esac
  if [[ "\${words[CURRENT]}" == -* ]]; then
    _describe option flags
  elif (( \${#names} )); then
    _describe command names
  elif [[ -n $asked || "\${words[CURRENT-1]}" == (${NAMESPACE_OPTIONS}) ]]; then
    [[ "\${words[CURRENT-1]}" == (${NAMESPACE_OPTIONS}) ]] && asked=namespaces
    given=(\${(f)"$(kvsync completion names "$asked" 2>/dev/null)"})
    compadd -a given
    _files
  else
    _files
  fi
}
compdef _kvsync kvsync
`;
}

function renderFish(commands: readonly CommandNames[]): string {
  const lines = commands.flatMap(({ path, subcommands, options, takes }) => {
    const isHere = `__kvsync_at ${quote(path.join(" "))}`;
    return [
      ...subcommands.map(
        ({ name, summary }) => `complete -c kvsync -f -n ${quote(isHere)} -a ${name} -d ${quote(summary)}`,
      ),
      ...(takes === undefined
        ? []
        : [`complete -c kvsync -n ${quote(isHere)} -a '(kvsync completion names ${takes} 2>/dev/null)'`]),
      ...options.map(({ long, description }) => {
        const when = path.length === 0 ? "" : ` -n ${quote(isHere)}`;
        return `complete -c kvsync${when} -l ${long.replace(/^-+/, "")} -d ${quote(description)}`;
      }),
    ];
  });
  const known = commands.filter(({ path }) => path.length > 0).map(({ path }) => quote(path.join(" ")));
  return `# fish completion for kvsync: kvsync completion fish | source
function __kvsync_at
    set -l path ""
    for word in (commandline -opc)[2..-1]
        set -l try (string trim -- "$path $word")
        if contains -- "$try" ${known.join(" ")}
            set path $try
        end
    end
    test "$path" = "$argv[1]"
end
${lines.join("\n")}
complete -c kvsync -s n -l namespace -x -a '(kvsync completion names namespaces 2>/dev/null)'
`;
}

function wordsOf(options: CommandNames["options"]): readonly string[] {
  return options.map(({ long }) => long);
}

/** In single quotes, which all three shells take as they are but for a single quote. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'"'"'`)}'`;
}
