import type {Holder} from '../platforms/socket-holders.ts'

/** Programs that listen on this host's behalf of containers, virtual machines or services. */
const proxies: Readonly<Record<string, string>> = {
  'docker-proxy': 'Docker',
  'com.docker.backend': 'Docker Desktop',
  vpnkit: 'Docker Desktop',
  rootlessport: 'Podman or rootless Docker',
  'rootlesskit-docker-proxy': 'rootless Docker',
  rootlesskit: 'rootless Docker',
  conmon: 'Podman',
  pasta: 'Podman',
  'pasta.avx2': 'Podman',
  passt: 'a virtual machine',
  slirp4netns: 'Podman or rootless Docker',
  gvproxy: 'the virtual machine of Podman',
  limactl: 'the virtual machine of Lima',
  'kube-proxy': 'Kubernetes',
}

/** Whose proxy a process is, by its command's name; undefined if it is none that we know. */
export function proxyOf({command}: Holder): string | undefined {
  const [program = ''] = command.split(' ')
  const name = program.slice(program.lastIndexOf('/') + 1).replace(/:$/, '')
  return Object.hasOwn(proxies, name) ? proxies[name] : undefined
}
