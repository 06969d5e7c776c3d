import { createLab } from '../../lab/lab.js';
import { createNamespace, type Namespace } from '../../lab/namespace.js';
import { describeDatapath } from '../../support/datapath-contract.js';
import { datapathOn, netnsOf } from './suite.js';

describeDatapath('Open vSwitch', async () => {
  const lab = await createLab();
  const host = await lab.addHost();
  await host.startOvs();
  const namespaces: Namespace[] = [];
  return {
    datapath: datapathOn(host),
    async newNetns() {
      const namespace = await createNamespace(['--net'], ['sleep', 'infinity']);
      namespaces.push(namespace);
      return netnsOf(namespace);
    },
    goneNetns: '/proc/1/fd/999',
    async restart() {
      await host.stop('ovs-vswitchd', 'SIGKILL');
      await host.startVswitchd();
    },
    async close() {
      await Promise.all(namespaces.map((namespace) => namespace.destroy()));
      await lab.destroy();
    },
  };
});
