import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '../../lab/host.js';
import { createLab, START_MS, type Lab } from '../../lab/lab.js';
import { until } from '../../support/until.js';

const ROOT = join(import.meta.dirname, '../../..');
const SOCKET = '/run/socketplane/member.sock';

export interface Status {
  state: string;
  hostId: string;
  server: boolean;
  underlay?: { device: string; address: string };
  members: { hostId: string; address: string }[];
  servers: string[];
  voters: string[];
}

/** A lab host that runs `member.ts`. */
export type MemberHost = Host & ReturnType<typeof memberOn>;

function memberOn(host: Host) {
  return {
    async startMember(env: Record<string, string> = {}): Promise<void> {
      const script = join(import.meta.dirname, 'member.ts');
      const argv = [process.execPath, '--import', join(ROOT, 'node_modules/tsx/dist/esm/index.mjs'), script];
      await host.start('member', argv, env);
      await host.ready('member', { socket: SOCKET, path: '/' });
    },
    configure: (cluster: Record<string, unknown>) =>
      writeFile(host.file('/etc/socketplane/agent.yml'), JSON.stringify({ cluster })),
    status: async () => JSON.parse((await host.ask(SOCKET, 'GET', '/')).text) as Status,
    /** Gives the message of an error, undefined when it has worked. */
    async order(command: string): Promise<string | undefined> {
      const { status, text } = await host.ask(SOCKET, 'POST', `/${command}`);
      return status === 200 ? undefined : ((JSON.parse(text) as { message?: string }).message ?? '');
    },
    /** Ids of processes inside the host with this in their arguments. */
    async processes(pattern: string): Promise<string[]> {
      const { stdout } = await host.run(['pgrep', '-f', pattern], { reject: false });
      return stdout.split('\n').filter(Boolean);
    },
  };
}

/** A lab with some hosts, one for each test of the file that asks; all go in the end. */
export function useHosts(): (count: number) => Promise<MemberHost[]> {
  let lab: Lab;
  before(async () => {
    lab = await createLab();
  });
  after(async function () {
    this.timeout(START_MS);
    await lab.destroy();
  });
  return async (count) => {
    const hosts: MemberHost[] = [];
    while (hosts.length < count) {
      const host = await lab.addHost();
      hosts.push(Object.assign(host, memberOn(host)));
    }
    return hosts;
  };
}

export async function untilMembers(hosts: MemberHost[], count: number, timeout = 120_000): Promise<void> {
  await until(
    `${count} members on each host`,
    async () => {
      const all = await Promise.all(hosts.map((host) => host.status()));
      const said = JSON.stringify(all.map(({ state, members }) => [state, members.length]));
      if (all.every(({ state, members }) => state === 'member' && members.length === count)) return true;
      throw new Error(said);
    },
    timeout,
  );
}
