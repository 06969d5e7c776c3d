import { expect } from 'chai';
import { createConnections } from '../../../lib/endpoints/connections.js';
import { createEndpointTable, type OpenEndpoint } from '../../../lib/endpoints/table.js';
import type { Lease } from '../../../lib/ipam/ipam.js';
import { A, B, E1, endpointOf, entryOf, IP, leaseOf, occupantOf, WEB } from './support.js';

describe('connections', () => {
  function connections(entries: OpenEndpoint[], leases: Lease[], networks = [WEB]) {
    const table = createEndpointTable();
    entries.forEach(table.put);
    const find = (network: string, ip: string) =>
      leases.find((one) => one.network === network && one.ip === ip);
    return createConnections({ table, ipam: { owned: () => leases, find }, networks: () => networks });
  }

  it('are starting until it is known whose they are and the port is there, and failed with a reason', () => {
    const known = { occupant: occupantOf(A) };
    const states: [Partial<OpenEndpoint>, string][] = [
      [{}, 'starting'],
      [{ portName: 'ovs1' }, 'starting'],
      [known, 'starting'],
      [{ ...known, portName: 'ovs1' }, 'up'],
      [{ ...known, portName: 'ovs1', failure: 'on fire' }, 'failed'],
    ];
    for (const [change, state] of states) {
      const [shown] = connections([entryOf(E1, change)], [leaseOf({ container: B, names: ['b'] })]).list();
      const who = change.occupant
        ? { container: A, name: 'con', pid: 7 }
        : { container: B, name: 'b', pid: 0 };
      expect(shown).to.deep.equal({
        ...{ ...who, network: WEB, ip: IP, mac: endpointOf(E1).mac, state, endpoint: E1 },
        ...(change.portName && { port: change.portName }),
        ...(change.failure && { reason: change.failure }),
      });
    }
    const nobodys = connections([entryOf(E1)], []);
    expect(nobodys.list()[0]).to.include({ container: '', name: '' });
    expect(nobodys.find('')).to.deep.equal([]);
  });

  it('are down where an address waits for its container, and not shown twice', () => {
    const kept = leaseOf({ kept: true, container: B, names: ['b'], ip: '10.0.0.9' });
    const down = { container: B, name: 'b', pid: 0, state: 'down', ip: '10.0.0.9', mac: '02:42:0a:00:00:09' };
    expect(connections([], [kept]).list()).to.deep.equal([{ ...down, network: WEB }]);
    const chosen = connections([], [{ ...kept, mac: '02:00:00:00:00:07', names: [] }]).list()[0];
    expect(chosen).to.include({ mac: '02:00:00:00:00:07', name: '' });
    expect(connections([entryOf(E1)], [leaseOf({ container: A })]).list()).to.have.length(1);
    expect(connections([], [leaseOf({ kept: true })]).list(), 'nobody').to.deep.equal([]);
    expect(connections([], [kept], []).list(), 'no network').to.deep.equal([]);
  });

  it('are found by id, name and the beginning of the id, on each network', () => {
    const shop = { ...WEB, id: 'shop' };
    const leases = [
      leaseOf({ kept: true, container: A, names: ['con'] }),
      leaseOf({ kept: true, container: A, names: ['con'], network: 'shop' }),
      leaseOf({ kept: true, container: `ab${'0'.repeat(62)}`, names: ['aaa'], ip: '10.0.0.9' }),
    ];
    const { find } = connections([], leases, [WEB, shop]);
    const found = (reference: string) => find(reference).map(({ name, network }) => `${name} ${network.id}`);
    const both = ['con web', 'con shop'];
    for (const reference of [A, 'con', 'aaaa', A.slice(0, 12)])
      expect(found(reference), reference).to.deep.equal(both);
    expect(found('aaa'), 'a name before the beginning of an id').to.deep.equal(['aaa web']);
    for (const reference of ['', 'a', 'c', B, 'con2']) expect(found(reference), reference).to.deep.equal([]);
  });
});
