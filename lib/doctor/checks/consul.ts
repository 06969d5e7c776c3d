import { isAtLeast } from '../../install/system/host-programs.js';
import { ok, type Check, type Finding } from '../check.js';

/** Which Consul a host of the cluster runs. */
export interface ConsulVersion {
  name: string;
  version: string;
}

/** Whether the Consuls of all hosts are new enough, and close enough in version to work together. */
export function consulCheck(options: {
  wanted: string;
  /** Undefined where this host runs none, because it is alone or uses someone else's. */
  members: () => Promise<ConsulVersion[] | undefined>;
}): Check {
  return {
    name: 'Consul',
    async inspect() {
      const members = await options.members();
      if (!members) return [ok('none runs here, and none has to')];
      const old = members.filter(({ version }) => !isAtLeast(version, options.wanted));
      if (old.length > 0) {
        return old.map(({ name, version }): Finding => ({
          level: 'problem',
          message: `${name} has ${version}, but ${options.wanted} or later is needed`,
          advice: 'put a newer one on the PATH there, and restart the agent',
        }));
      }
      const versions = [...new Set(members.map(({ version }) => version))];
      if (versions.length === 1) return [ok(`is ${versions[0]} on all hosts`)];
      return [
        {
          level: 'warning',
          message: `differs: ${members.map(({ name, version }) => `${name} has ${version}`).join(', ')}`,
          advice: 'put the newest on all hosts, those with a server first',
        },
      ];
    },
  };
}
