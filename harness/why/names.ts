/** Programs that are known by name: of their file, or what they were started as. */

const editors = new Set(
  [
    ...['code', 'code-insiders', 'code-oss', 'codium', 'cursor', 'windsurf', 'zed', 'zed-editor'],
    ...['Code Helper', 'Code Helper (Plugin)', 'Cursor Helper', 'Cursor Helper (Plugin)', 'Xcode'],
    ...['vi', 'vim', 'gvim', 'nvim', 'emacs', 'nano', 'micro', 'hx', 'helix', 'kate', 'gedit'],
    ...['subl', 'sublime_text', 'atom', 'idea', 'webstorm', 'pycharm', 'goland', 'clion', 'rider'],
    ...['rubymine', 'phpstorm', 'rustrover', 'datagrip', 'fleet', 'studio', 'eclipse'],
  ].map((name) => name.toLowerCase()),
)

/** Of which there are several builds, as vim.basic and emacs-gtk. */
const editorBuilds = /^(?:vim|gvim|emacs)[.-]/

/** Where editors have the servers that they need themselves, many of them run by Node. */
const editorFolders =
  /\/(\.(?:vscode|cursor|windsurf)[\w-]*-server(?:-\w+)?|\.zed_server|(?:openvs)?code-server)(?=\/|$)/
/** What an extension runs there with an interpreter may be what somebody debugs. */
const extensions = '/extensions/'

/** The class that each IDE of JetBrains starts with. */
const jetBrainsMain = 'com.intellij.idea.Main'

/** Ending one would end somebody's login or desktop, or all that runs in their terminal. */
const sessions = new Set([
  ...['sshd', 'sshd-session', 'login', 'tmux', 'screen', 'SCREEN', 'ttyd'],
  // A user's own: process 1 is told apart by its number.
  'systemd',
  ...['xrdp', 'xrdp-sesman', 'Xvnc', 'Xtigervnc', 'Xtightvnc', 'x11vnc', 'x0vncserver'],
  ...['ControlCenter', 'rapportd', 'WindowServer', 'gnome-shell', 'Xorg'],
])

/** What starts and publishes containers and virtual machines, beside the proxies. */
const containerRuntimes = new Set([
  ...['dockerd', 'containerd', 'containerd-shim', 'containerd-shim-runc-v2', 'runc', 'crun'],
  ...['podman', 'buildkitd', 'kubelet', 'k3s', 'k3s-server', 'lxd', 'incusd', 'runsc', 'crio'],
])

/** Runtimes, whose program is what follows. */
const runtimes = /^(?:node|nodejs|bun|deno|python[\d.]*|ruby|perl|php|java)$/
/** Options of java(1) that are followed by a value. */
const withValue =
  /^(?:-cp|-classpath|--class-path|-p|--module-path|--add-(?:opens|exports|reads|modules))$/

/** A program on macOS, whose folders have spaces, at the beginning of a command line. */
const macProgram = /^\/.*?\.app\/Contents\/(?:.*?\/)?MacOS\/.*?(?= -|$)/

/** A program that runs, as far as it is known by more than what it calls itself. */
export interface Program {
  /** Its file, and the path that it was started by. */
  paths: readonly string[]
  /** The file or class that an interpreter runs; undefined for other programs. */
  script: string | undefined
}

/**
 * @param file undefined where the OS does not tell, or not us
 * @param words the command line, which the process may have overwritten with a name of its choice
 */
export function programOf(file: string | undefined, words: readonly string[]): Program {
  const [first = ''] = words
  const started = macProgram.exec(words.join(' '))?.[0] ?? first
  const paths = [
    ...(file === undefined ? [] : [file.replace(/ \(deleted\)$/, '')]),
    ...(started.includes('/') ? [started] : file === undefined ? [first.split(' ')[0] ?? ''] : []),
  ]
  const isInterpreter = paths.some((path) => runtimes.test(baseName(path)))
  return {paths, script: isInterpreter ? scriptIn(words) : undefined}
}

/** What an interpreter runs, by its command line. */
function scriptIn([, ...others]: readonly string[]): string | undefined {
  return others.find(
    (word, index) =>
      word !== '' && !word.startsWith('-') && !withValue.test(others[index - 1] ?? ''),
  )
}

/** What a program is called, if it looks like an editor, or a part of one. */
export function editorIn({paths, script = ''}: Program): string | undefined {
  const name = paths
    .map(baseName)
    .find((each) => editors.has(each.toLowerCase()) || editorBuilds.test(each))
  if (name !== undefined) return name
  if (script === jetBrainsMain) return 'a JetBrains IDE'
  const own = script.includes(extensions) ? paths : [...paths, script]
  return own.map((path) => editorFolders.exec(path)?.[1]).find((folder) => folder !== undefined)
}

export function isSession({paths}: Program): boolean {
  return paths.some((path) => sessions.has(baseName(path)))
}

/**
 * PM2's daemon listens for the apps of its cluster mode, and ends them with itself. It is Node that runs no file any
 * more: it has written this over its command line (lib/Daemon.js).
 */
export function isPm2(command: string): boolean {
  return /^PM2 v\S+: God Daemon \(/.test(command)
}

export function isContainerRuntime({paths}: Program): boolean {
  return paths.some((path) => containerRuntimes.has(baseName(path)))
}

/** The last part of a path, without the version or what else follows a colon, as `nginx: master`. */
function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).replace(/:$/, '')
}

/** What a person calls it: `nodemon` of `node /app/node_modules/.bin/nodemon server.js`. */
export function programName(command: string): string {
  const words = command.split(' ')
  const name = baseName(words[0] ?? '')
  const script = runtimes.test(name) ? scriptIn(words) : undefined
  return script === undefined ? name : baseName(script).replace(/\.[cm]?[jt]s$|\.py$|\.rb$/, '')
}
