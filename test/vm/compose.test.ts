import { expect } from 'chai';
import { addressOf, eventually, TEST_MS } from './expect.js';
import { runContainer, SHOP } from './install.js';
import type { Machine } from './lab/machine.js';
import { bringTo } from './states.js';

describe('the Compose project on one host', function () {
  this.timeout(TEST_MS);
  let host: Machine;
  before(async () => {
    [host] = await bringTo('compose');
    await host.run(`docker exec socketplane socketplane network create shop ${SHOP}`);
    await runContainer(host, 'shop1', 'shop', 'always');
    await runContainer(host, 'shop2', 'shop', 'unless-stopped');
  });

  const reached = async () =>
    (await host.run('docker exec shop2 ping -c 1 -W 3 shop1', { reject: false })).exitCode === 0;

  it('is healthy, and connects containers', async () => {
    const { stdout } = await host.run(`cd /opt/socketplane && docker compose ps --format '{{.Health}}'`);
    expect(stdout.split('\n')).to.deep.equal(['healthy', 'healthy', 'healthy']);
    await eventually('a ping by name', reached);
  });

  for (const how of ['reboot', 'losePower'] as const) {
    it(`comes back after ${how === 'reboot' ? 'a reboot' : 'a power failure'}`, async () => {
      const before = await addressOf(host, 'shop2');
      await host[how]();
      await eventually(`shop2 to have ${before}`, async () => (await addressOf(host, 'shop2')) === before);
      await eventually('a ping by name', reached);
    });
  }
});
