import { Argument, type Command } from "commander";
import type { CliContext } from "./context.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;
type Shell = (typeof SHELLS)[number];

/** Printed from the commands themselves, so that it is never behind them. */
export function addCompletion(program: Command, context: CliContext): void {
  program
    .command("completion")
    .description(
      "print the shell's completion script: castaway completion bash > /etc/bash_completion.d/castaway",
    )
    .addArgument(new Argument("<shell>", "which shell").choices(SHELLS))
    .option("--json", "print the words as JSON, by command")
    .action((shell: Shell, options: { json?: true }) => {
      const words = completionWords(program);
      context.out.write(
        options.json ? `${JSON.stringify(Object.fromEntries(words), null, 2)}\n` : SCRIPTS[shell](words),
      );
    });
}

/** "" for the program itself, "invite", "invite list": subcommands and long options of each. */
type Words = ReadonlyMap<string, readonly string[]>;

export function completionWords(program: Command): Words {
  const words = new Map<string, string[]>();
  const visit = (command: Command, path: string): void => {
    const options = command.options.flatMap((option) => (option.long ? [option.long] : []));
    const choices = command.registeredArguments.flatMap((argument) => argument.argChoices ?? []);
    words.set(path, [...command.commands.map((sub) => sub.name()), ...choices, ...options, "--help"]);
    for (const sub of command.commands) visit(sub, path ? `${path} ${sub.name()}` : sub.name());
  };
  visit(program, "");
  return words;
}

/** A case a command path. Command and option names hold nothing that a shell would expand. */
function cases(words: Words, indent: string): string {
  return [...words].map(([path, list]) => `${indent}"${path}") words="${list.join(" ")}" ;;`).join("\n");
}

function bash(words: Words): string {
  return `# castaway completion for bash
_castaway() {
  local words="" path="" candidate="" word=""
  local i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    candidate="\${path:+$path }$word"
    case "|${[...words.keys()].filter(Boolean).join("|")}|" in
      *"|$candidate|"*) path="$candidate" ;;
    esac
  done
  case "$path" in
${cases(words, "    ")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _castaway castaway
`;
}

function zsh(words: Words): string {
  return `#compdef castaway
# castaway completion for zsh
_castaway_complete() {
  local path="" candidate="" list="" word="" words_line=""
  local -a known
  known=(${[...words.keys()]
    .filter(Boolean)
    .map((path) => `"${path}"`)
    .join(" ")})
  for word in \${words[2,CURRENT-1]}; do
    candidate="\${path:+$path }$word"
    (( \${known[(Ie)$candidate]} )) && path="$candidate"
  done
  case "$path" in
${cases(words, "    ").replaceAll('words="', 'words_line="')}
  esac
  compadd -- \${=words_line}
}
# As a file of a function in $fpath it is this call that wants an answer; read by "source" it is none.
if [ "$funcstack[1]" = _castaway ]; then
  _castaway_complete
else
  compdef _castaway_complete castaway
fi
`;
}

function fish(words: Words): string {
  const lines = [...words].map(([path, list]) => {
    const depth = path === "" ? 0 : path.split(" ").length;
    const test = depth === 0 ? "__castaway_at" : `__castaway_at ${path}`;
    return `complete -c castaway -n '${test}' -a '${list.join(" ")}'`;
  });
  return `# castaway completion for fish
function __castaway_at
  set -l given
  for word in (commandline -opc)[2..-1]
    string match -q -- '-*' $word; or set -a given $word
  end
  test "$given" = "$argv"
end
complete -c castaway -f
${lines.join("\n")}
`;
}

const SCRIPTS: Record<Shell, (words: Words) => string> = { bash, zsh, fish };
