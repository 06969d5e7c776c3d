export const SHELLS = ['bash', 'zsh'] as const;
export type Shell = (typeof SHELLS)[number];

const SCRIPTS: Record<Shell, string> = {
  bash: `_socketplane() {
  local IFS=$'\\n'
  COMPREPLY=($(socketplane __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _socketplane socketplane
`,
  zsh: `#compdef socketplane
_socketplane() {
  local -a found
  found=("\${(@f)$(socketplane __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  found=(\${found:#})
  (( $#found )) && compadd -a found || _files
}
compdef _socketplane socketplane
`,
};

/** What a shell runs to complete `socketplane …`. It asks the command itself, so it is never out of date. */
export const completionScript = (shell: Shell): string => SCRIPTS[shell];
