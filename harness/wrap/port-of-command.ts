/**
 * The port that a command most likely listens on, for a message that does not name it: the one of PORT, or the only one in
 * its words (`8000`, `--port=8000`, `-Dserver.port=8080`, `127.0.0.1:8080`).
 * @returns null if there is none, or more than one
 */
export function portIn(command: readonly string[], env = process.env): number | null {
  const words = env.PORT === undefined ? command.slice(1) : [env.PORT]
  const numbers = words.flatMap((word) => /(?:^|[:=])(\d{2,5})$/.exec(word)?.[1] ?? [])
  const ports = new Set(numbers.map(Number).filter((port) => port > 0 && port <= 65_535))
  const [only = null] = ports
  return ports.size === 1 ? only : null
}
