import { expect } from 'chai';
import { addressOf, eventually, pings, TEST_MS } from './expect.js';
import { ROUTER } from './lab/lab.js';
import type { Machine } from './lab/machine.js';
import { bringTo } from './states.js';

const CLUSTER_PORTS = '6676:6678,6681';

describe('a firewall of the host', function () {
  this.timeout(TEST_MS);
  let first: Machine;
  let second: Machine;

  async function allIsWell(): Promise<void> {
    const shop1 = (await addressOf(first, 'shop1')).split('/')[0]!;
    await eventually('names', async () =>
      /Address: 10\.77\./.test(await second.read('docker exec shop2 nslookup shop1')),
    );
    await eventually('ping across hosts', () => pings(second, 'shop2', shop1));
    await eventually('ping from the other host', () => pings(first, 'shop1', 'shop2'));
    await eventually('the way to the outside', () => pings(second, 'shop2', ROUTER));
  }

  describe('ufw, which drops what comes in', () => {
    before(async () => void ([first, second] = await bringTo('native')));

    it('may be enabled, with the cluster’s ports allowed as its documents say', async () => {
      await second.run('ufw allow 22/tcp');
      await second.run(`ufw allow from 10.66.0.0/24 to any port ${CLUSTER_PORTS} proto tcp`);
      await second.run(`ufw allow from 10.66.0.0/24 to any port 6678 proto udp`);
      await second.run('ufw --force enable');
      await allIsWell();
    });

    it('may be reloaded', async () => {
      await second.run('ufw reload');
      await allIsWell();
    });

    it('is no problem to doctor', async () => {
      const { stdout } = await second.run('socketplane doctor', { reject: false });
      expect(stdout).to.not.match(/^problem +(firewall|tunnels)/m);
    });
  });

  describe('firewalld', () => {
    before(async () => void ([first, second] = await bringTo('native')));

    it('may be started, with the cluster’s ports allowed', async () => {
      await second.run('systemctl start firewalld');
      await second.run(
        'firewall-cmd -q --add-port=6676-6678/tcp --add-port=6681/tcp --add-port=6678/udp && firewall-cmd -q --runtime-to-permanent',
      );
      await allIsWell();
    });

    it('may be reloaded', async () => {
      await second.run('firewall-cmd --reload');
      await allIsWell();
    });

    it('may be restarted', async () => {
      await second.run('systemctl restart firewalld');
      await allIsWell();
    });
  });
});
