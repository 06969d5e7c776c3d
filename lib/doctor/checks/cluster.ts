import { ok, type Check, type Finding } from '../check.js';

interface Cluster {
  state: string;
  name: string;
  problem?: string | undefined;
  members: { name: string; state: string; server: boolean }[];
}

/** Whether the host is the member that it should be, and Consul has enough servers. */
export function clusterCheck(cluster: () => Promise<Cluster>): Check {
  return {
    name: 'cluster',
    async inspect() {
      const { state, name, problem, members } = await cluster();
      if (state === 'none') return [ok('this host is alone, as it was told')];
      if (state !== 'member') {
        return [
          {
            level: 'problem',
            message: `${state} ${name}${problem ? `: ${problem}` : ''}`,
            advice: 'see whether its hosts are up and ports 6676 to 6678 are open between them',
          },
        ];
      }
      const found = members.flatMap(({ name: host, state: sign, server }): Finding[] => {
        const advice = 'look there: `socketplane doctor`';
        if (sign === 'agent away')
          return [{ level: 'warning', message: `${host} has no agent, but its containers run on`, advice }];
        if (sign !== 'silent') return [];
        const message = `${host} says nothing${server ? ', and runs a Consul server' : ''}`;
        return [{ level: server ? 'problem' : 'warning', message, advice }];
      });
      return found.length > 0 ? found : [ok(`member of ${name}, ${members.length} hosts, all of them up`)];
    },
  };
}
