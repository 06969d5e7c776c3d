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
      const silent = members.filter((member) => member.state !== 'up');
      const found = silent.map((member): Finding => ({
        level: member.server ? 'problem' : 'warning',
        message: `${member.name} says nothing${member.server ? ', and runs a Consul server' : ''}`,
        advice: `look there: \`socketplane doctor\``,
      }));
      return found.length > 0 ? found : [ok(`member of ${name}, ${members.length} hosts, all of them up`)];
    },
  };
}
