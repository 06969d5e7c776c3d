import { AppError } from '../../base/errors.js';
import type { AgentClient } from '../agent/client.js';
import type { NetworkAnswer } from '../agent/answers.js';
import type { Daemons } from '../daemons/types.js';
import { chooseNames, DEMO_LABEL, listContainers } from './containers.js';
import type { DemoDocker } from './docker.js';

const NETWORK = 'web';
const SUBNET = '10.99.0.0/16';

export interface DemoOptions {
  prepareHost: () => Promise<void>;
  daemons: Pick<Daemons, 'start'>;
  agent: AgentClient;
  docker: DemoDocker;
  say: (text: string) => void;
  /** How the user calls `socketplane`. */
  command: string;
  proxySocket: string;
}

/** The first five minutes with SocketPlane, in steps that a user can repeat by hand. */
export async function runDemo(options: DemoOptions): Promise<void> {
  const { prepareHost, daemons, agent, docker, say, command, proxySocket } = options;

  say('1. Docker and Open vSwitch');
  await prepareHost();

  say('\n2. The agent and the proxy in front of Docker');
  say(`   $ ${command} agent start`);
  say(`   ${(await daemons.start()) === 'started' ? 'started' : 'already running'}`);

  say(`\n3. A network`);
  const { subnet, gateway } = await ensureNetwork(agent, command, say);
  say(`   ${NETWORK} is ${subnet}, its gateway ${gateway}`);

  say('\n4. Two containers on it, with the stock docker client through the proxy');
  say(`   $ export DOCKER_HOST=unix://${proxySocket}`);
  const existing = await listContainers(docker);
  const names = chooseNames(existing);
  const [first, second] = names;
  if (first === undefined || second === undefined) {
    throw new AppError(
      'conflict',
      'the names con1, con2, … all belong to other containers: remove one of them',
    );
  }
  for (const name of names) {
    if (existing.some((other) => other.name === name)) await docker.shown('rm', '-f', name);
    await docker.shown(...runArgs(name));
  }

  say('\n5. One container reaches the other');
  const { connection_details: at } = await agent.connection(second);
  await docker.shown('exec', first, 'ping', '-c', '3', at.ip);

  say(`
It works, and it keeps running. Try next, as root or a member of the group docker:
   $ export DOCKER_HOST=unix://${proxySocket}
   $ docker run -it --rm -e SP_NETWORK=${NETWORK} busybox      a shell on the network: ping ${at.ip} from there
   $ ${command} info
   $ ${command} network create db 10.98.0.0/24

To remove it:
   $ docker rm -f ${names.join(' ')}
   $ ${command} network delete ${NETWORK}
   $ ${command} agent stop`);
}

function runArgs(name: string): string[] {
  return [
    'run',
    '-d',
    '--name',
    name,
    '--label',
    DEMO_LABEL,
    '-e',
    `SP_NETWORK=${NETWORK}`,
    'busybox',
    'sleep',
    '1d',
  ];
}

/** Uses the network if it exists, whatever its subnet; otherwise creates it, on the next free subnet if its own is taken. */
async function ensureNetwork(
  agent: AgentClient,
  command: string,
  say: (text: string) => void,
): Promise<NetworkAnswer> {
  const known = (await agent.networks()).find(({ id }) => id === NETWORK);
  if (known) return known;
  say(`   $ ${command} network create ${NETWORK} ${SUBNET}`);
  try {
    return await agent.createNetwork(NETWORK, { subnet: SUBNET });
  } catch (error) {
    if (!(error instanceof AppError && error.kind === 'conflict')) throw error;
    say(`   ${error.message}`);
  }
  say(`   $ ${command} network create ${NETWORK}`);
  return agent.createNetwork(NETWORK);
}
