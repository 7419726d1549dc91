/** What a server tells its clients: who it is, by a word that nobody else knows, and by its process. */
export function greetingLine(greeting: string): string {
  return `${greeting} ${process.pid}\n`
}
