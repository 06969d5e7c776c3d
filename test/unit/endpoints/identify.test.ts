import { expect } from 'chai';
import { createIdentify } from '../../../lib/endpoints/identify.js';
import { createEndpointTable } from '../../../lib/endpoints/table.js';
import { createTeller } from '../../../lib/endpoints/teller.js';
import type { Grant } from '../../../lib/ipam/ipam.js';
import { A, attachedOf, B, containerOf, E1, E2, entryOf, IP, leasing, turn } from './support.js';

describe('identifying an endpoint', () => {
  async function setUp(grant: Partial<Grant> = { endpoint: E1, up: true }) {
    const { ipam, record, grant: grantOf, log } = await leasing();
    await ipam.lease(record, grantOf(grant), IP);
    const table = createEndpointTable();
    table.put(entryOf(E1));
    const labels: string[] = [];
    const identify = createIdentify({
      ...{ table, ipam, log, teller: createTeller({ ipam, log }) },
      datapath: {
        async label(endpoint, container) {
          labels.push(`${endpoint} ${container}`);
          throw new Error('no label');
        },
      },
      gateways: () => new Set(['10.0.0.1']),
    });
    const lease = async () => (await turn(), ipam.find('web', IP));
    return { identify, table, labels, lease };
  }

  it('notes whose it is, with name servers but ours, and labels the port once', async () => {
    const { identify, table, labels, lease } = await setUp();
    const container = containerOf(A, [], {
      nameServers: ['10.0.0.1', '9.9.9.9'],
      searchDomains: ['far.example'],
    });
    for (const name of ['con', 'renamed']) {
      identify({ ...container, name }, attachedOf(E1));
      expect(table.get(E1)?.occupant).to.deep.equal({
        ...{ id: A, name, pid: 7, hostname: A.slice(0, 12) },
        ...{ nameServers: ['9.9.9.9'], searchDomains: ['far.example'] },
      });
      expect(await lease()).to.deep.include({ container: A, kept: false, up: true });
      expect((await lease())?.names).to.deep.equal([name, A.slice(0, 12), 'db']);
    }
    expect(labels).to.deep.equal([`${E1} ${A}`]);
  });

  it('leaves a kept address its container', async () => {
    const { identify, lease } = await setUp({ endpoint: E1, kept: true, container: B, names: ['b'] });
    identify(containerOf(A, []), attachedOf(E1));
    expect(await lease()).to.include({ container: B, kept: true });
    expect((await lease())?.names[0]).to.equal('con');
  });

  it('keeps an address that is in the settings of the container as kept', async () => {
    const { identify, lease } = await setUp();
    identify(containerOf(A, []), attachedOf(E1, { isKept: true }));
    expect(await lease()).to.include({ container: A, kept: true });
  });

  it('writes nothing into the lease of another endpoint', async () => {
    const { identify, table, labels, lease } = await setUp();
    identify(containerOf(B, []), attachedOf(E2));
    expect(await lease()).not.to.have.property('container');
    expect([labels, table.get(E1)?.occupant]).to.deep.equal([[], undefined]);
    table.drop(E1);
    identify(containerOf(A, []), attachedOf(E1));
    expect((await lease())?.container, 'without a port').to.equal(A);
  });

  it('needs no lease', async () => {
    const { identify, table } = await setUp();
    table.put({ ...entryOf(E2), endpoint: { ...entryOf(E2).endpoint, ip: '10.0.0.9' } });
    identify(containerOf(A, []), attachedOf(E2, { ip: '10.0.0.9' }));
    expect(table.get(E2)?.occupant?.id).to.equal(A);
  });
});
