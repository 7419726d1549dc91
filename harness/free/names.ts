/** Programs that are known by name: of their file, of the process, or the first word of the command line. */

const editors = new Set(
  [
    ...['code', 'code-insiders', 'code-oss', 'codium', 'cursor', 'windsurf', 'zed', 'zed-editor'],
    ...['Code Helper', 'Code Helper (Plugin)', 'Cursor Helper', 'Xcode', 'devenv'],
    ...['vi', 'vim', 'gvim', 'nvim', 'emacs', 'nano', 'micro', 'hx', 'helix', 'kate', 'gedit'],
    ...['subl', 'sublime_text', 'atom', 'idea', 'webstorm', 'pycharm', 'goland', 'clion', 'rider'],
    ...['rubymine', 'phpstorm', 'rustrover', 'datagrip', 'fleet', 'studio', 'eclipse'],
  ].map((name) => name.toLowerCase()),
)

/** Where editors run the servers that they need themselves, some of them with Node. */
const editorFolders = /\/\.(?:vscode|cursor|windsurf|zed)[\w-]*-server\//

/** Ending one would end somebody's login or desktop, or all that runs in their terminal. */
const sessions = new Set([
  ...['sshd', 'sshd-session', 'login', 'tmux', 'tmux: server', 'screen', 'SCREEN'],
  ...['ControlCenter', 'rapportd', 'WindowServer', 'gnome-shell', 'Xorg'],
])

/** What starts and publishes containers and virtual machines, beside the proxies that `why` knows. */
const containerRuntimes = new Set([
  ...['dockerd', 'containerd', 'containerd-shim', 'containerd-shim-runc-v2', 'runc', 'crun'],
  ...['podman', 'buildkitd', 'kubelet', 'k3s', 'k3s-server', 'lxd', 'incusd', 'runsc', 'crio'],
])

/** Runtimes, whose program is what follows. */
const runtimes = /^(?:node|nodejs|bun|deno|python[\d.]*|ruby|perl|php)$/

/** The last part of a path, without the version or what else follows a colon, as `nginx: master`. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).replace(/:$/, '')
}

export function isEditor(names: readonly string[], command: string): boolean {
  return names.some((name) => editors.has(name.toLowerCase())) || editorFolders.test(command)
}

export function isSession(names: readonly string[]): boolean {
  return names.some((name) => sessions.has(name))
}

export function isContainerRuntime(names: readonly string[]): boolean {
  return names.some((name) => containerRuntimes.has(name))
}

/** What a person calls it: `nodemon` of `node /app/node_modules/.bin/nodemon server.js`. */
export function programName(command: string): string {
  const [first = '', ...others] = command.split(' ')
  const name = baseName(first)
  if (!runtimes.test(name)) return name
  const script = others.find((word) => word !== '' && !word.startsWith('-'))
  return script === undefined ? name : baseName(script).replace(/\.[cm]?[jt]s$|\.py$|\.rb$/, '')
}
