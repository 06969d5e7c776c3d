import { until } from '../support/until.js';
import type { Machine } from './lab/machine.js';

/** Generous: an agent and its Consul take a minute to be back where the processor is translated and busy. */
const WAIT_MS = 6 * 60_000;
/** For everything that a test waits for, one after the other. */
export const TEST_MS = 25 * 60_000;

/** Waits for a condition of a machine's. */
export function eventually(what: string, condition: () => Promise<boolean>): Promise<void> {
  return until(what, condition, WAIT_MS);
}

/** `docker` through the proxy. */
export const sp = ({ run }: Machine, args: string) =>
  run(`docker -H unix:///run/socketplane/docker.sock ${args}`);

/** Whether all are members that see each other. Asked without the command, which takes seconds of a machine that has just one processor. */
export async function isMember(machines: readonly Machine[]): Promise<boolean> {
  for (const { read } of machines) {
    const answer = await read(
      'curl -s --max-time 20 --unix-socket /run/socketplane/agent.sock http://agent/v0.1/cluster',
    );
    if (answer === '') return false;
    const { members = [] } = JSON.parse(answer) as { members?: { state: string }[] };
    if (members.filter(({ state }) => state === 'up').length !== machines.length) return false;
  }
  return true;
}

/** A running container's address, with its prefix length; empty while it has none. */
export async function addressOf({ read }: Machine, container: string): Promise<string> {
  const pid = `$(docker inspect -f '{{.State.Pid}}' ${container})`;
  const line = await read(`nsenter -t ${pid} -n ip -4 -br address show eth0`);
  return line.trim().split(/\s+/)[2] ?? '';
}

/** Whether one packet comes back. */
export async function pings({ run }: Machine, container: string, to: string): Promise<boolean> {
  const { exitCode } = await run(`docker exec ${container} ping -c 1 -W 3 ${to}`, { reject: false });
  return exitCode === 0;
}

/** Process id of the host's Consul; throws where it does not run. */
export const consulPid = async ({ run }: Machine): Promise<string> =>
  (await run('pgrep -x consul')).stdout.trim();
