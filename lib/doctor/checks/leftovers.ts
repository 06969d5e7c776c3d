import { parseCookie } from '../../datapath/flows/cookie.js';
import { endpointPorts } from '../../datapath/vswitch/external-ids.js';
import type { Interface } from '../../datapath/vswitch/ovsdb.js';
import type { Run } from '../../os/exec.js';
import { ok, type Check, type Finding } from '../check.js';

/** An address that a container of this host has. */
export interface Held {
  /** Docker's id of the endpoint; absent while the container does not run. */
  endpoint?: string;
  vni: number;
  ip: string;
}

/** Ports and rules on the bridge that belong to no container. */
export function leftoversCheck(options: {
  run: Run;
  /** Those in Open vSwitch's database. */
  interfaces: () => Promise<Interface[]>;
  bridge: () => Promise<string>;
  held: () => Promise<Held[]>;
  converge: () => Promise<unknown>;
}): Check {
  const { run, interfaces, bridge, held, converge } = options;
  const leftover = (message: string): Finding => ({
    level: 'problem',
    message,
    advice: '`doctor --fix` lets the agent clear up',
    fix: converge,
  });

  return {
    name: 'leftovers',
    needs: 'store',
    async inspect() {
      const known = await held();
      const running = known.filter(({ endpoint }) => endpoint !== undefined);
      const endpoints = new Set(running.map(({ endpoint }) => endpoint));
      const addresses = new Set(running.map(({ vni, ip }) => `${vni} ${ip}`));
      const ports = endpointPorts(await interfaces());
      const rules = await run(['ovs-ofctl', '-O', 'OpenFlow14', '--no-stats', 'dump-flows', await bridge()]);
      const strayPorts = ports
        .filter(({ record }) => !endpoints.has(record.endpoint))
        .map(({ record }) => record.port);
      const strayRules = new Set(
        [...rules.matchAll(/cookie=(0x[0-9a-f]+)/g)]
          .map(([, cookie = '0']) => parseCookie(cookie))
          .filter((owner) => owner?.kind === 'endpoint')
          .map((owner) => `${owner?.vni} ${owner?.ip}`)
          .filter((owner) => !addresses.has(owner)),
      );
      const found = [
        ...strayPorts.map((port) => leftover(`port ${port} belongs to no container`)),
        ...[...strayRules].map((owner) => {
          const [vni, ip] = owner.split(' ');
          return leftover(`rules for ${ip} on VNI ${vni}, which no running container has`);
        }),
      ];
      return found.length > 0 ? found : [ok('none: every port and rule has its container')];
    },
  };
}
