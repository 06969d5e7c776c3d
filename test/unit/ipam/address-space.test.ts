import { expect } from 'chai';
import { capacityOfNetwork, spaceOf } from '../../../lib/ipam/address-space.js';
import { parseAddress, parseSubnet } from '../../../lib/base/ipv4.js';
import type { Network } from '../../../lib/base/model.js';
import { blockSize } from '../../../lib/ipam/blocks.js';

const network = (change: Partial<Network> = {}): Network => ({
  id: 'web',
  subnet: '10.0.0.0/24',
  gateway: '10.0.0.1',
  vni: 1,
  ...change,
});
const number = (ip: string) => parseAddress(ip)!;

describe('the addresses of a network that may be given', () => {
  const refusals: [string, string | undefined][] = [
    ['10.0.0.0', 'is the network address of network web'],
    ['10.0.0.255', 'is the broadcast address of network web'],
    ['10.0.0.77', 'is the gateway address of network web'],
    ['10.0.0.9', 'is kept aside on network web (aux-address printer)'],
    ['10.0.0.1', undefined],
    ['10.0.0.254', undefined],
  ];
  it('are all but network, broadcast, gateway and what is kept aside', () => {
    const space = spaceOf(network({ gateway: '10.0.0.77', settings: { aux: { printer: '10.0.0.9' } } }));
    for (const [ip, why] of refusals) {
      expect(space.refusal(number(ip)), ip).to.equal(why);
      expect(space.isUsable(number(ip)), ip).to.equal(why === undefined);
    }
    expect([space.capacity, space.choices]).to.deep.equal([252, 252]);
    expect([space.isUsable(number('10.0.1.9')), space.isUsable(number('9.255.255.255'))]).to.deep.equal([
      false,
      false,
    ]);
  });

  it('are chosen from the range, and counted without regard to it', () => {
    const chosen = network({ settings: { range: '10.0.0.0/26', aux: { a: '10.0.0.5', b: '10.0.0.200' } } });
    const { from, to, choices } = spaceOf(chosen);
    expect([from, to, choices]).to.deep.equal([number('10.0.0.0'), number('10.0.0.63'), 61]);
    expect(capacityOfNetwork(chosen)).to.equal(251);
  });

  it('are as many as the blocks have room for', () => {
    for (const change of [
      {},
      { gateway: '10.0.0.130', settings: { aux: { a: '10.0.0.131', twice: '10.0.0.131', b: '10.0.0.64' } } },
      { subnet: '10.0.0.0/30', gateway: '10.0.0.2' },
      { subnet: '10.0.0.0/20', gateway: '10.0.15.254' },
    ]) {
      const some = network(change);
      const { subnet, room, capacity, isUsable } = spaceOf(some);
      let [rooms, usable] = [0, 0];
      for (let first = subnet.first; first <= subnet.last; first += blockSize(subnet)) rooms += room(first);
      for (let address = subnet.first; address <= subnet.last; address++) usable += Number(isUsable(address));
      expect([rooms, usable], some.subnet).to.deep.equal([capacity, capacity]);
    }
  });

  it('are those of the subnet where the store holds a range or an address of another', () => {
    const odd = network({ settings: { range: '10.9.0.0/24', aux: { a: '10.9.0.1', b: 'x' } } });
    const { from, to } = parseSubnetOf(odd);
    expect([spaceOf(odd).from, spaceOf(odd).to, spaceOf(odd).capacity]).to.deep.equal([from, to, 253]);
  });
});

function parseSubnetOf({ subnet }: Network) {
  const { first: from, last: to } = parseSubnet(subnet);
  return { from, to };
}
