/**
 * Text that can neither move a terminal's cursor, nor break a line, nor turn one around: reports and server
 * output come from elsewhere and may hold anything.
 */
export function printable(text: string): string {
  const plain = withoutEscapes(text)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what has to go
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ')
    .replace(directionControls, '\ufffd')
  return inGithubActions ? withoutRunnerCommands(plain) : plain
}

/**
 * Control sequences, and control strings that are ended (ECMA-48, sections 5.4 and 5.6), and the other escape
 * sequences. A match can neither begin nor go on at what begins another one, so that time is linear in the
 * text's length; `stripVTControlCharacters` of Node takes seconds for 60 KB of `;#`.
 */
const escapes =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|(?:\u001b[PX\]^_]|[\u0090\u0098\u009d-\u009f])[^\u0000-\u001f\u007f-\u009f]*(?:\u0007|\u001b\\|\u009c)|\u001b[ -/]*[0-OQ-WYZ\\`-~]/g

/** Text as a terminal shows it, whatever colours and links it has. */
export function withoutEscapes(text: string): string {
  return text.replace(escapes, '')
}

const inGithubActions = process.env.GITHUB_ACTIONS === 'true'

/**
 * Text in which GitHub's runner finds no command: `##[error]` anywhere in a line, and `::error::` at the
 * beginning of one, which may be that of a wrapped line (actions/runner, ActionCommand.cs).
 */
export function withoutRunnerCommands(text: string): string {
  return text.replaceAll('##[', '## [').replace(/(?<![^\s])::(?=[a-z])/gi, ': :')
}

/** They show what follows in another order than it is in (Unicode TR 36, section 2.10). */
export const directionControls = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g
