import tab from '@bomb.sh/tab/commander'
import type {Command} from 'commander'

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
  if (!asked) return
  const {scenarios} = await import('../../scenarios/index.ts')
  const ids = completions.commands.get('run')?.arguments.get('id')
  if (ids === undefined) return
  ids.handler = (complete) => {
    for (const [id, {title}] of Object.entries(scenarios)) complete(id, title)
  }
}
