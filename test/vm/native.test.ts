import { expect } from 'chai';
import { addressOf, consulPid, eventually, pings, TEST_MS } from './expect.js';
import type { Machine } from './lab/machine.js';
import { bringTo } from './states.js';

const UNITS = ['socketplane-plugin', 'socketplane-agent', 'socketplane-proxy'];

describe('two machines, installed natively', function () {
  this.timeout(TEST_MS);
  let first: Machine;
  let second: Machine;

  before(async () => ([first, second] = await bringTo('native')));

  it('have units that are enabled and active, in the order that Docker needs', async () => {
    for (const { run } of [first, second]) {
      const { stdout } = await run(
        `systemctl is-enabled ${UNITS.join(' ')}; systemctl is-active ${UNITS.join(' ')}`,
      );
      expect(stdout.split('\n')).to.deep.equal([...UNITS.map(() => 'enabled'), ...UNITS.map(() => 'active')]);
      const { stdout: after } = await run('systemctl show -p After --value docker.service');
      expect(after).to.include('socketplane-plugin.service').and.include('socketplane-agent.service');
      expect((await run('systemctl --failed --no-legend')).stdout).to.equal('');
    }
  });

  it("use the kernel's datapath", async () => {
    for (const { run } of [first, second]) {
      const { stdout } = await run(
        'ovs-vsctl get bridge docker0-ovs datapath_type; lsmod | grep -c ^openvswitch',
      );
      expect(stdout.split('\n')).to.deep.equal(['system', '1']);
    }
  });

  it('connect containers by name and by address, with the right MTU', async () => {
    await eventually('ping by name', () => pings(second, 'shop2', 'shop1'));
    expect(await pings(first, 'shop1', (await addressOf(second, 'shop2')).split('/')[0]!)).to.equal(true);
    const { stdout } = await first.run('docker exec shop1 cat /sys/class/net/eth0/mtu');
    expect(stdout).to.equal('1450');
    expect((await second.run('docker exec shop2 ping -c 1 -W 3 -s 1422 shop1')).exitCode).to.equal(0);
  });

  it('have Consul outside the unit of the agent', async () => {
    for (const machine of [first, second]) {
      const pid = await consulPid(machine);
      const { stdout } = await machine.run(`cat /proc/${pid}/cgroup`);
      expect(stdout).to.match(/socketplane-consul[^/]*\.scope$/);
    }
  });
});
