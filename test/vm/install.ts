import type { Machine } from './lab/machine.js';
import { eventually, isMember, sp } from './expect.js';

type Install = (machine: Machine, bootstrap: 'true' | 'false') => Promise<unknown>;

const IN_PRODUCT = 'cd /opt/socketplane && ';

export const installNative: Install = ({ run }, bootstrap) =>
  run(`${IN_PRODUCT}BOOTSTRAP=${bootstrap} bin/socketplane install --native unattended`);

export const installContainers: Install = ({ run }, bootstrap) =>
  run(`${IN_PRODUCT}BOOTSTRAP=${bootstrap} bin/socketplane install unattended`);

/** The containers that all parts look at: two on one network, and one on another. */
export const SHOP = '10.77.0.0/16';
export const OTHER = '10.88.0.0/16';

/** Makes a cluster of both machines, with containers on it. */
export async function containersOn(machines: readonly Machine[], install: Install): Promise<void> {
  const [first, second] = machines as [Machine, Machine];
  // One that is to join looks for its cluster until there is one.
  await Promise.all([install(first, 'true'), install(second, 'false')]);
  await eventually('both are members', () => isMember(machines));
  await first.run(`socketplane network create shop ${SHOP} && socketplane network create other ${OTHER}`);
  await runContainer(first, 'shop1', 'shop', 'always');
  await runContainer(second, 'shop2', 'shop', 'unless-stopped');
  await runContainer(second, 'other2', 'other', 'always');
}

/** One that writes down, before all else, what address it has. */
export const runContainer = (machine: Machine, name: string, network: string, restart: string) =>
  sp(
    machine,
    `run -d --init --name ${name} --restart ${restart} -e SP_NETWORK=${network} busybox sh -c 'ip -4 -o addr show eth0; exec sleep 100000'`,
  );

/** The Compose project alone, with the plugin process beside it as its documents say. */
export async function useCompose({ run }: Machine): Promise<void> {
  await run(`${IN_PRODUCT}docker compose up -d --wait`);
}
