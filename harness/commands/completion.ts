import tab from '@bomb.sh/tab/commander'
import type {Command} from 'commander'

/** The library's script for bash asks for this function of the package bash-completion, which not everybody has. */
const wordsForBash = `declare -F _get_comp_words_by_ref > /dev/null || _get_comp_words_by_ref() {
    words=("\${COMP_WORDS[@]}") cword=$COMP_CWORD
    cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]}
}
`

/**
 * Adds `rebind completion SHELL`, which prints a script for the shell, and the hidden `rebind complete` that
 * this script asks. To be called when every other command is known.
 * @param asked whether it is the shell's script that asks: only then are scenarios loaded
 */
export async function addCompletion(program: Command, asked: boolean): Promise<void> {
  const completions = tab(program, {completionCommandName: 'completion'})
  const own = program.commands.find((command) => command.name() === 'completion')
  own?.description('print a completion script for a shell').addHelpText(
    'after',
    `
Examples:
  rebind completion bash >> ~/.bashrc
  rebind completion zsh > "\${fpath[1]}/_rebind"
  rebind completion fish > ~/.config/fish/completions/rebind.fish`,
  )
  own?.hook('preAction', (_, {args: [shell]}) => {
    if (shell === 'bash') process.stdout.write(wordsForBash)
  })
  if (!asked) return
  const {scenarios} = await import('../../scenarios/index.ts')
  const ids = completions.commands.get('run')?.arguments.get('id')
  if (ids === undefined) return
  ids.handler = (complete) => {
    for (const [id, {title}] of Object.entries(scenarios)) complete(id, title)
  }
}
