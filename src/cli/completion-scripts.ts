// The scripts that make shells ask this program for completions. They hold no commands of their own and so never grow old.

/** The shells. */
export const completionShells = ['bash', 'zsh', 'fish'] as const;

export type CompletionShell = (typeof completionShells)[number];

const bash = `# bash completion of certwright: source <(certwright completion bash)
_certwright() {
  local current="\${COMP_WORDS[COMP_CWORD]}" line
  COMPREPLY=()
  [ "$current" = "=" ] && current=""
  while IFS= read -r line; do
    if [ "$line" = ":files" ]; then
      compopt -o filenames 2>/dev/null
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$current")
    else
      COMPREPLY+=("$line")
    fi
  done < <("\${COMP_WORDS[0]}" __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _certwright certwright
`;

const zsh = `#compdef certwright
# zsh completion of certwright: source <(certwright completion zsh)
_certwright() {
  local -a found
  found=("\${(@f)$("\${words[1]}" __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if (( \${found[(Ie):files]} )); then
    _files
    found=("\${(@)found:#:files}")
  fi
  found=("\${(@)found:#}")
  (( \${#found} )) && compadd -- "\${(@)found}"
}
if [ "\${funcstack[1]}" = "_certwright" ]; then _certwright "$@"; else compdef _certwright certwright; fi
`;

const fish = `# fish completion of certwright: certwright completion fish | source
function __certwright_complete
  set -l words (commandline -opc) (commandline -ct)
  for line in (command $words[1] __complete $words[2..-1] 2>/dev/null)
    if test "$line" = ":files"
      __fish_complete_path (commandline -ct)
    else
      echo $line
    end
  end
end
complete -c certwright -f -a '(__certwright_complete)'
`;

const scripts: Readonly<Record<CompletionShell, string>> = { bash, zsh, fish };

/** The script of a shell. */
export const completionScript = (shell: CompletionShell): string => scripts[shell];
