import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode } from '../../base/errors.js';
import { packageRoot } from '../../base/paths.js';

/** The defaults, as docs/operations.md has them; every line is a comment, so nothing is set. */
const AGENT = `# Settings of the agent; \`socketplane agent restart\` after a change. These are the defaults.
# listen: unix:///run/socketplane/agent.sock # mode 0660, group docker
# tcp: 127.0.0.1:6675                        # the API on loopback too: any user of this host may then use it
# docker: unix:///var/run/docker.sock
# bridge: docker0-ovs
# datapath: auto                             # auto, kernel, userspace
# log: info                                  # error, warn, info, debug
# cluster:
#   name: socketplane                        # hosts with the same name find each other
#   key: …                                   # \`openssl rand -base64 32\`, the same on all hosts
#   interface: eth1                          # the device that carries the cluster; by default that of the default route
#   join: []                                 # addresses of members, if multicast does not reach them
#   mdns: true                               # find others, and be found, by multicast DNS
#   leaseGrace: 10m                          # how long a silent host keeps its addresses
`;

/** Writes the settings that are missing; what is there is never touched. */
export async function writeSettings(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  // For root alone: the cluster's key and a token may be put there.
  await writeNew(join(folder, 'agent.yml'), AGENT, 0o600);
  await writeNew(join(folder, 'proxy.yml'), await readFile(join(packageRoot(), 'proxy.yml'), 'utf8'), 0o644);
}

async function writeNew(file: string, text: string, mode: number): Promise<void> {
  try {
    await writeFile(file, text, { flag: 'wx', mode });
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  }
}
