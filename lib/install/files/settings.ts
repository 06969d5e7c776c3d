import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode } from '../../base/errors.js';
import { packageRoot } from '../../base/paths.js';

/** The defaults, as in docs/operations.md; every line is a comment, so nothing is set. */
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
#   interface: eth1                          # the device that carries the cluster; by default that of the default route, or the only one there is
#   join: []                                 # addresses of members, if multicast does not reach them
#   mdns: true                               # find others, and be found, by multicast DNS
#   leaseGrace: 10m                          # how long a silent host keeps its addresses
`;

const AGENT_URL = 'http+unix://%2Frun%2Fsocketplane%2Fagent.sock/adapter';

const STAND_IN = 'socketplane/adapters/without-agent';

/** Lines of proxy.yml as earlier versions wrote them, and what they must be now. */
const OUTDATED: [was: string, is: string][] = [
  [`  socketplane: ${AGENT_URL}\n`, `  socketplane: { url: '${AGENT_URL}', protocol: 2 }\n`],
  [
    `  socketplane: { url: '${AGENT_URL}', protocol: 2 }\n`,
    `  socketplane: { url: '${AGENT_URL}', protocol: 2, standIn: ${STAND_IN} }\n`,
  ],
  [
    `  socketplane-lenient: { url: '${AGENT_URL}', onFailure: ignore }\n`,
    `  socketplane-networks: { url: '${AGENT_URL}', protocol: 2, onFailure: ignore }\n`,
  ],
  [
    `  socketplane-lenient:\n    { url: '${AGENT_URL}', protocol: 2, onFailure: ignore }\n`,
    `  socketplane-networks:\n    { url: '${AGENT_URL}', protocol: 2, onFailure: ignore }\n`,
  ],
  [
    `  socketplane-networks:\n    { url: '${AGENT_URL}', protocol: 2, onFailure: ignore }\n`,
    `  socketplane-networks:\n    { url: '${AGENT_URL}', protocol: 2, onFailure: ignore, timeout: 30s }\n`,
  ],
  [
    `  socketplane-networks: { url: '${AGENT_URL}', protocol: 2, onFailure: ignore }\n`,
    `  socketplane-networks: { url: '${AGENT_URL}', protocol: 2, onFailure: ignore, timeout: 30s }\n`,
  ],
  [
    `  socketplane-networks:\n    { url: '${AGENT_URL}', protocol: 2, onFailure: ignore, timeout: 30s }\n`,
    `  socketplane-networks:\n    { url: '${AGENT_URL}', protocol: 2, onFailure: ignore, timeout: 30s, standIn: ${STAND_IN} }\n`,
  ],
  [
    `  socketplane-networks: { url: '${AGENT_URL}', protocol: 2, onFailure: ignore, timeout: 30s }\n`,
    `  socketplane-networks: { url: '${AGENT_URL}', protocol: 2, onFailure: ignore, timeout: 30s, standIn: ${STAND_IN} }\n`,
  ],
  [
    `      url: '${AGENT_URL}',\n      protocol: 2,\n      onFailure: ignore,\n      timeout: 30s,\n    }\n`,
    `      url: '${AGENT_URL}',\n      protocol: 2,\n      onFailure: ignore,\n      timeout: 30s,\n      standIn: ${STAND_IN},\n    }\n`,
  ],
  [
    `  'POST /containers/*/start': { pre: [socketplane], post: [socketplane] }\n`,
    ['POST /networks/create', 'POST /networks/*/connect', 'POST /networks/prune', 'DELETE /networks/*']
      .map((call) => `  '${call}': { pre: [socketplane-networks], post: [socketplane-networks] }\n`)
      .join(''),
  ],
  [`  'POST /containers/*/restart': { post: [socketplane] }\n`, ''],
  [`  'DELETE /containers/*': { post: [socketplane-lenient] }\n`, ''],
  [`  'GET /containers/*/json': { post: [socketplane-lenient] }\n`, ''],
  [`  'GET /containers/json': { post: [socketplane-lenient] }\n`, ''],
];

/** Writes the settings that are missing. Existing settings are kept, except for lines of ours that no longer work. */
export async function writeSettings(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  // Readable only by root, because the cluster's key and a token may be added to it.
  await writeNew(join(folder, 'agent.yml'), AGENT, 0o600);
  const proxy = join(folder, 'proxy.yml');
  await writeNew(proxy, await readFile(join(packageRoot(), 'proxy.yml'), 'utf8'), 0o644);
  await renewLines(proxy);
}

async function renewLines(file: string): Promise<void> {
  const text = await readFile(file, 'utf8');
  const replaced = OUTDATED.reduce((all, [was, is]) => all.replace(was, is), text);
  const renewed = addOwnContainers(keepOldName(replaced));
  if (renewed !== text) await writeFile(file, renewed);
}

const CREATE = `  'POST /containers/create': { pre: [socketplane], post: [socketplane] }\n`;
const TAKING_AWAY = [
  ...['stop', 'kill', 'pause', 'restart', 'rename'].map((verb) => `POST /containers/*/${verb}`),
  'POST /containers/prune',
  'DELETE /containers/*',
];

/**
 * The lines that keep our own containers from being taken away, in a file that an earlier version wrote. Whoever does not want them can leave a
 * comment with the adapter's name; where the user has hooks on such a call, they stay alone.
 */
function addOwnContainers(text: string): string {
  const [adapters, endpoints] = [text.indexOf('\nadapters:\n'), text.indexOf('\nendpoints:\n')];
  if (!text.includes(CREATE) || text.includes('own-containers') || endpoints > adapters) return text;
  const lines = TAKING_AWAY.filter((call) => !text.includes(call)).map(
    (call) => `  '${call}': { pre: [own-containers] }\n`,
  );
  if (lines.length === 0) return text;
  const adapter = '  own-containers: { module: socketplane/adapters/own-containers, onFailure: ignore }\n';
  return text.replace('\nadapters:\n', `\n${lines.join('')}adapters:\n${adapter}`);
}

/** A line of the user's may still use an adapter of ours by the name that it had. */
function keepOldName(text: string): string {
  const isUsed = /\[[^\]\n]*\bsocketplane-lenient\b/.test(text);
  const isDefined = /^ +socketplane-lenient:/m.test(text);
  const definition = `  socketplane-lenient: { url: '${AGENT_URL}', protocol: 2, onFailure: ignore }\n`;
  return isUsed && !isDefined ? text.replace(/^adapters:\n/m, (line) => line + definition) : text;
}

async function writeNew(file: string, text: string, mode: number): Promise<void> {
  try {
    await writeFile(file, text, { flag: 'wx', mode });
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  }
}
