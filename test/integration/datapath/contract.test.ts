import { createLab } from '../../lab/lab.js';
import type { Namespace } from '../../lab/namespace.js';
import { describeDatapath } from '../../support/datapath-contract.js';
import { until } from '../../support/until.js';
import { createContainers, datapathOn, plug, runIn } from './suite.js';

describeDatapath('Open vSwitch', async () => {
  const lab = await createLab();
  const host = await lab.addHost();
  await host.startOvs();
  const run = runIn(host);
  const datapath = datapathOn(host);
  const containers = createContainers();
  /** By endpoint. */
  const plugged = new Map<string, Namespace>();

  async function links(): Promise<string[]> {
    const found = JSON.parse(await run(['ip', '-json', 'link', 'show', 'type', 'veth'])) as {
      ifname: string;
    }[];
    return found.map(({ ifname }) => ifname).filter((name) => name.startsWith('ovs'));
  }

  return {
    datapath,
    async plug(endpoint, port) {
      const container = await containers.add();
      plugged.set(endpoint.id, container);
      await plug(run, endpoint, port, container);
    },
    links,
    makeLink: async (name) =>
      void (await run([
        'ip',
        'link',
        'add',
        name,
        'type',
        'veth',
        'peer',
        'name',
        name.replace('ovs', 'ovp'),
      ])),
    async loseLink(endpoint) {
      const port = (await datapath.ports()).find((one) => one.endpoint === endpoint)?.port ?? '';
      await plugged.get(endpoint)?.destroy();
      await until('the link to go', async () => !(await links()).includes(port));
    },
    deleteBridge: async () => void (await run(['ovs-vsctl', 'del-br', 'docker0-ovs'])),
    async restart() {
      await host.stop('ovs-vswitchd', 'SIGKILL');
      await host.startVswitchd();
    },
    async close() {
      await containers.destroy();
      await lab.destroy();
    },
  };
});
