import { expect } from 'chai';
import { consulPid, sp, TEST_MS } from './expect.js';
import type { Machine } from './lab/machine.js';
import { bringTo } from './states.js';
import { comesBack, consulOutlives, isWhole, outlives } from './suites.js';

describe('a cluster installed as containers', function () {
  this.timeout(TEST_MS);
  let both: [Machine, Machine];
  before(async () => void (both = await bringTo('containers')));

  it('connects containers, on the datapath of the kernel', async () => {
    await isWhole(both);
    for (const { run } of both)
      expect((await run('ovs-vsctl get bridge docker0-ovs datapath_type')).stdout).to.equal('system');
  });

  it('has Consul in a container of its own, which no call through the proxy takes away', async () => {
    for (const machine of both) {
      const id = (await machine.run(`docker inspect -f '{{.Id}}' socketplane-consul`)).stdout;
      const { stdout } = await machine.run(`cat /proc/${await consulPid(machine)}/cgroup`);
      expect(stdout).to.include(id);
      const refused = await sp(machine, 'rm -f socketplane-consul').catch(String);
      expect(refused).to.include("SocketPlane's own");
    }
  });

  consulOutlives(
    () => both,
    ['docker restart socketplane', 'kill -9 $(cat /run/socketplane/agent.pid)', 'socketplane agent restart'],
  );
  outlives(
    () => both,
    ['docker restart socketplane-consul', 'systemctl restart docker', 'systemctl restart openvswitch-switch'],
  );
  comesBack(() => both);
});
