import { expect } from 'chai';
import { createLog } from '../../../lib/base/log.js';
import { createIpam } from '../../../lib/ipam/ipam.js';
import { createNetworks } from '../../../lib/network/networks.js';
import { transfer, type Belongings } from '../../../lib/agent/transfer.js';
import { createMemoryStore } from '../../../lib/store/memory.js';

const log = createLog('test', 'error');
const network = (id: string, vni: number, subnet: string) => ({
  id,
  vni,
  subnet,
  gateway: subnet.replace(/0\/\d+$/, '1'),
});
const lease = (id: string, ip: string) => ({
  ...{ container: ip.padEnd(64, '0'), host: 'here', network: id, ip, block: '' },
  ...{ time: new Date(0).toISOString(), names: [], up: true },
});

function side() {
  const store = createMemoryStore();
  return {
    networks: createNetworks({ store, hostRoutes: async () => [], foreignNames: async () => [] }),
    ipam: createIpam({ store, host: 'here' }),
  };
}

describe('what a host takes along', () => {
  const web = network('web', 7, '10.50.0.0/16');
  const idle = network('idle', 9, '10.51.0.0/16');
  const mine: Belongings = { networks: [idle, web], leases: [lease('web', '10.50.0.9')] };

  it('keeps its addresses and VNIs, and may be taken twice', async () => {
    const there = side();
    for (let round = 0; round < 2; round++) await transfer(mine, there, { unused: true, log });
    expect(await there.networks.list()).to.have.deep.members([web, idle]);
    expect(there.ipam.index.ofHost('here').map(({ ip }) => ip)).to.deep.equal(['10.50.0.9']);
    // What is made next is still another.
    expect((await there.networks.create('next')).vni).to.equal(10);
  });

  it('gets another VNI where its own is taken', async () => {
    const there = side();
    await there.networks.create('theirs', '10.60.0.0/16', 7);
    await transfer(mine, there, { unused: false, log });
    expect(await there.networks.list()).to.have.deep.members([
      network('theirs', 7, '10.60.0.0/16'),
      { ...web, vni: 8 },
    ]);
  });

  it('stays where it is when a network in use is in the way', async () => {
    const there = side();
    await there.networks.create('theirs', '10.50.128.0/17');
    const error = await transfer(mine, there, { unused: true, log }).catch((caught: unknown) => caught);
    expect(error).to.have.property('kind', 'conflict');
    expect(String(error)).to.match(/network web .* in the way of network theirs/);
    expect(await there.networks.list()).to.have.length(1);
  });
});
