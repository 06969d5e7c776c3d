import { expect } from 'chai';
import { TEST_MS } from './expect.js';
import { bringTo } from './states.js';

describe('the demo on a new host', function () {
  this.timeout(TEST_MS);

  it('works at the first try', async () => {
    const [host] = await bringTo('booted');
    const { stdout, stderr, exitCode } = await host.run('cd /opt/socketplane && bin/socketplane demo', {
      reject: false,
    });
    expect(exitCode, `${stdout}\n${stderr}`).to.equal(0);
    expect(stdout).to.match(/ 0% packet loss|packets received/);
  });
});
