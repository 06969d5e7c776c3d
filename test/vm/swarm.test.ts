import { expect } from 'chai';
import { eventually, isMember, TEST_MS } from './expect.js';
import { installNative } from './install.js';
import type { Machine } from './lab/machine.js';
import { bringTo } from './states.js';
import { isWhole } from './suites.js';

const OVERLAY =
  'docker network create -d overlay --attachable ov && docker run --rm --network ov busybox true';

describe('Swarm on the same hosts', function () {
  this.timeout(TEST_MS);
  let both: [Machine, Machine];

  it('works where we were first, and so do we', async () => {
    both = await bringTo('native');
    const [first] = both;
    await first.run(`docker swarm init --advertise-addr ${first.address}`);
    await first.run(OVERLAY);
    await isWhole(both);
  });

  it('works where it was first, and so do we', async () => {
    both = await bringTo('booted');
    const [first, second] = both;
    await first.run(`docker swarm init --advertise-addr ${first.address}`);
    await first.run(OVERLAY);
    await installNative(first, 'true');
    await installNative(second, 'false');
    await eventually('both are members', () => isMember(both));
    const { stdout } = await first.run('ovs-vsctl --bare --columns=error find interface type=vxlan');
    expect(stdout.trim()).to.equal('');
    const { stdout: doctor } = await first.run('socketplane doctor', { reject: false });
    expect(doctor).to.not.match(/^problem +tunnels/m);
  });
});
