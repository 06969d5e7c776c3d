import { expect } from 'chai';
import { addressOf, eventually, isMember, sp, TEST_MS } from './expect.js';
import type { Machine } from './lab/machine.js';
import { bringTo } from './states.js';
import { isWhole } from './suites.js';

describe('the clocks of hosts', function () {
  this.timeout(TEST_MS);
  let both: [Machine, Machine];
  let at = '';

  const addresses = async () =>
    (await Promise.all(both.map((one, number) => addressOf(one, `shop${number + 1}`)))).join();
  /** All is as it was, and whatever comes next finds its place. */
  async function areUnharmed(): Promise<void> {
    await isWhole(both);
    expect(await addresses()).to.equal(at);
    for (const machine of both) {
      await sp(machine, 'run --rm --name new -e SP_NETWORK=shop busybox ip -4 -o addr show eth0');
      expect((await machine.run('systemctl --failed --no-legend --plain')).stdout).to.equal('');
    }
  }

  before(async () => {
    both = await bringTo('native');
    await isWhole(both);
    at = await addresses();
  });

  for (const [who, number] of [
    ['a client', 1],
    ['the only server', 0],
  ] as const) {
    it(`may be set an hour ahead and two back, on ${who} of Consul`, async () => {
      const { run } = both[number];
      await run('timedatectl set-ntp false || true');
      for (const step of ['+1 hour', '-2 hours', '+1 hour']) {
        await run(`date -s "$(date -d '${step}')"`);
        await areUnharmed();
      }
    });
  }

  it('may stand still: a host that slept for a while is back by itself', async () => {
    const [first, second] = both;
    await second.monitor('stop');
    try {
      await eventually('the other to miss it', () => isMember([first]));
    } finally {
      await second.monitor('cont');
    }
    await areUnharmed();
  });
});
