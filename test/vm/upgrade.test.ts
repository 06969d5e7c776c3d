import { expect } from 'chai';
import { addressOf, consulPid, TEST_MS } from './expect.js';
import { installContainers, installNative } from './install.js';
import type { Machine } from './lab/machine.js';
import { bringTo } from './states.js';
import { isWhole } from './suites.js';

describe('an upgrade', function () {
  this.timeout(TEST_MS);

  /** Installs anew on the second host, while one of its containers pings the other host's. */
  async function keepsPinging(both: [Machine, Machine], install: () => Promise<unknown>): Promise<void> {
    const [, second] = both;
    await isWhole(both);
    const address = await addressOf(second, 'shop2');
    await second.run(`docker exec -d shop2 sh -c 'ping -i 1 -W 3 shop1 >/tmp/pings'`);
    await install();
    expect(await addressOf(second, 'shop2')).to.equal(address);
    await second.run('docker exec shop2 killall -INT ping');
    const { stdout } = await second.run('docker exec shop2 tail -2 /tmp/pings');
    const [, loss = '100'] = /, (\d+)% packet loss/.exec(stdout) ?? [];
    expect(Number(loss), stdout).to.be.lessThan(5);
    await isWhole(both);
  }

  it('of a host installed natively leaves containers connected, and Consul running', async () => {
    const both = await bringTo('native');
    const [, second] = both;
    const consul = await consulPid(second);
    await keepsPinging(both, async () => {
      await second.run(`cd /opt/socketplane && echo '// changed' >>dist/lib/socketplaned.js`);
      await installNative(second, 'false');
    });
    const { stdout } = await second.run('tail -1 /usr/local/lib/socketplane/dist/lib/socketplaned.js');
    expect(stdout).to.equal('// changed');
    expect(await consulPid(second)).to.equal(consul);
  });

  it('of a host installed as containers, which are exchanged, leaves containers connected', async () => {
    const both = await bringTo('containers');
    const [, second] = both;
    const made = () => second.read(`docker inspect -f '{{.Id}}' socketplane`);
    const before = await made();
    // Another environment of the agent, with the same image: all that an upgrade does but to build one.
    await keepsPinging(both, () => installContainers(second, 'true'));
    expect(await made()).to.not.equal(before);
  });
});
