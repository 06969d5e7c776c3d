import { expect } from 'chai';
import { addressOf, consulPid, TEST_MS } from './expect.js';
import { installContainers, installNative } from './install.js';
import type { Machine } from './lab/machine.js';
import { bringTo } from './states.js';
import { isWhole } from './suites.js';

describe('an upgrade', function () {
  this.timeout(TEST_MS);

  for (const [state, install] of [
    ['native', installNative],
    ['containers', installContainers],
  ] as const) {
    it(`of a host installed ${state === 'native' ? 'natively' : 'as containers'} leaves containers connected`, async () => {
      const both = await bringTo(state);
      const second: Machine = both[1];
      await isWhole(both);
      const address = await addressOf(second, 'shop2');
      const pid = await consulPid(second);
      await second.run('docker exec -d shop2 sh -c "ping -i 1 -W 3 shop1 >/tmp/pings"');
      await second.run(`cd /opt/socketplane && echo '// changed' >>dist/lib/socketplaned.js`);
      await install(second, 'false');
      const { stdout } = await second.run('cat /usr/local/lib/socketplane/dist/lib/socketplaned.js');
      expect(stdout).to.include('// changed');
      expect(await addressOf(second, 'shop2')).to.equal(address);
      const pings = await second.run(
        'docker exec shop2 sh -c "kill -INT $(docker exec shop2 pidof ping); sleep 1; tail -2 /tmp/pings"',
        { reject: false },
      );
      const [, loss = '100'] = /, (\d+)% packet loss/.exec(pings.stdout) ?? [];
      expect(Number(loss), pings.stdout).to.be.lessThan(5);
      await isWhole(both);
      if (state === 'native') expect(await consulPid(second)).to.equal(pid);
    });
  }
});
