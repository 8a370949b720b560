// Completion scripts: the tree of commands as text for a shell. They hold all there is to know of commands and options, so that
// completing these starts no process; the names of mappings, accounts and the like are asked for (`kvsync completion names`).

export const shells = ["bash", "zsh", "fish"] as const;

export interface CommandNames {
  /** Empty for `kvsync` itself; `["key", "list"]`. */
  readonly path: readonly string[];
  readonly subcommands: readonly { readonly name: string; readonly summary: string }[];
  readonly options: readonly OptionNames[];
  /** What its arguments name; none: nothing of the config. */
  readonly takes?: readonly NamedThing[];
}

interface OptionNames {
  readonly long: string;
  readonly short?: string | undefined;
  readonly description: string;
  /** What follows it; undefined: nothing has to. */
  readonly value?: OptionValue | undefined;
}

export type OptionValue =
  | { readonly kind: "names"; readonly of: NamedThing }
  | { readonly kind: "words"; readonly words: readonly string[] }
  | { readonly kind: "files" }
  /** What cannot be told beforehand: a number, a time. */
  | { readonly kind: "other" };

/** "namespaces": mappings, what begins with an account's name and a colon, and the namespaces that the config names. */
export const NAMED = ["mappings", "accounts", "namespaces", "backups", "repositories", "targets"] as const;
export type NamedThing = (typeof NAMED)[number];

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

/** The cases of `COMMAND OPTION`, each with what `render` makes of the value that the option takes. Those of all commands come last. */
function valueCases(commands: readonly CommandNames[], render: (value: OptionValue) => string): readonly string[] {
  return commands.toReversed().flatMap(({ path, options }) =>
    options.flatMap(({ long, short, value }) => {
      if (value === undefined) return [];
      const flags = short === undefined ? [long] : [long, short];
      const patterns = flags.map((flag) => (path.length === 0 ? `*" ${flag}"` : quote(`${path.join(" ")} ${flag}`)));
      return [`    ${patterns.join("|")}) ${render(value)} ;;`];
    }),
  );
}

function shellValue(value: OptionValue): string {
  switch (value.kind) {
    case "names":
      return `words="" names="${value.of}" kind=value`;
    case "words":
      return `words=${quote(value.words.join(" "))} names="" kind=value`;
    case "files":
      return `words="" names="" kind=files`;
    case "other":
      return `words="" names="" kind=value`;
  }
}

function renderBash(commands: readonly CommandNames[]): string {
  const cases = commands.map(({ path, subcommands, options, takes = [] }) => {
    const words = [...subcommands.map(({ name }) => name), ...wordsOf(options)];
    const all = [...words, ...wordsOf(path.length > 0 ? (commands[0]?.options ?? []) : [])];
    const asked = takes.length === 0 ? "" : `; names="${takes.join(" ")}"`;
    return `    ${quote(path.join(" "))}) words=${quote(all.join(" "))}${asked} ;;`;
  });
  // COMP_WORDS are split at each ":" as well, of which places have one.
  return `# bash completion for kvsync: eval "$(kvsync completion bash)"
_kvsync() {
  local line="\${COMP_LINE:0:COMP_POINT}"
  local typed=() cur="\${line##*[[:space:]]}"
  read -ra typed <<< "\${line%"$cur"}"
${pathLoop(commands, '"${typed[@]:1}"')}
  local words="" names="" kind=any
  case "$path" in
${cases.join("\n")}
  esac
  case "$path \${typed[\${#typed[@]}-1]}" in
${valueCases(commands, shellValue).join("\n")}
  esac
  if [[ -n $names && "$cur" != -* ]]; then
    words="$words $(kvsync completion names $names 2>/dev/null)"
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
  [[ $kind == value ]] && compopt +o default +o bashdefault 2>/dev/null
  [[ \${#COMPREPLY[@]} == 1 && \${COMPREPLY[0]} == *: ]] && compopt -o nospace 2>/dev/null
  if [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]]; then
    local start="\${cur%"\${cur##*:}"}"
    COMPREPLY=("\${COMPREPLY[@]#"$start"}")
  fi
  return 0
}
complete -o default -o bashdefault -F _kvsync kvsync
`;
}

function renderZsh(commands: readonly CommandNames[]): string {
  const cases = commands.map(({ path, subcommands, options, takes = [] }) => {
    const all = path.length > 0 ? [...options, ...(commands[0]?.options ?? [])] : options;
    const subs = subcommands.map(({ name, summary }) => quote(`${name}:${summary}`));
    const flags = all.map(({ long, description }) => quote(`${long}:${description}`));
    return `    ${quote(path.join(" "))}) subs=(${subs.join(" ")}); flags=(${flags.join(" ")}); names=${quote(takes.join(" "))} ;;`;
  });
  return `#compdef kvsync
# zsh completion for kvsync: eval "$(kvsync completion zsh)"
_kvsync() {
${pathLoop(commands, '"${words[@]:1:$((CURRENT-2))}"')
  .replace("  local word try path", "  local word try cmd")
  .replaceAll(/\bpath\b/g, "cmd")}
  local -a subs flags given
  local names="" kind=any choices=""
  case "$cmd" in
${cases.join("\n")}
  esac
  case "$cmd \${words[CURRENT-1]}" in
${valueCases(commands, shellValue)
  .map((line) => line.replace(" words=", " choices="))
  .join("\n")}
  esac
  if [[ $kind == files ]]; then
    _files
  elif [[ $kind == any && "\${words[CURRENT]}" == -* ]]; then
    _describe option flags
  elif [[ $kind == any ]] && (( \${#subs} )); then
    _describe command subs
  elif [[ $kind == value || -n $names ]]; then
    given=(\${=choices})
    [[ -n $names ]] && given+=(\${(f)"$(kvsync completion names \${=names} 2>/dev/null)"})
    compadd -a given
    [[ $kind == any ]] && _files
  else
    _files
  fi
}
compdef _kvsync kvsync
`;
}

function renderFish(commands: readonly CommandNames[]): string {
  const lines = commands.flatMap(({ path, subcommands, options, takes = [] }) => {
    const isHere = `__kvsync_at ${quote(path.join(" "))}`;
    return [
      ...subcommands.map(
        ({ name, summary }) => `complete -c kvsync -f -n ${quote(isHere)} -a ${name} -d ${quote(summary)}`,
      ),
      ...(takes.length === 0 ? [] : [`complete -c kvsync -n ${quote(isHere)} -a ${quote(fishNames(takes))}`]),
      ...options.map(({ long, short, description, value }) => {
        const when = path.length === 0 ? "" : ` -n ${quote(isHere)}`;
        const name = `${short === undefined ? "" : ` -s ${short.slice(1)}`} -l ${long.replace(/^-+/, "")}`;
        return `complete -c kvsync${when}${name}${fishValue(value)} -d ${quote(description)}`;
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
`;
}

function fishNames(of: readonly NamedThing[]): string {
  return `(kvsync completion names ${of.join(" ")} 2>/dev/null)`;
}

function fishValue(value: OptionValue | undefined): string {
  switch (value?.kind) {
    case undefined:
      return "";
    case "names":
      return ` -x -a ${quote(fishNames([value.of]))}`;
    case "words":
      return ` -x -a ${quote(value.words.join(" "))}`;
    case "files":
      return " -r";
    case "other":
      return " -x";
  }
}

function wordsOf(options: CommandNames["options"]): readonly string[] {
  return options.map(({ long }) => long);
}

/** In single quotes, which all three shells take as they are but for a single quote. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'"'"'`)}'`;
}
