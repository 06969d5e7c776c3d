import { expect } from 'chai';
import { AppError, messageOf } from '../../../lib/base/errors.js';
import { createEndpoints } from '../../../lib/endpoints/endpoints.js';
import { createEndpointTable, LINK_LOST } from '../../../lib/endpoints/table.js';
import { createTeller } from '../../../lib/endpoints/teller.js';
import { createFakeDatapath } from '../../support/fake-datapath.js';
import { E1, E2, endpointOf, IP, kindOf, leasing, occupantOf, turn, WEB, A } from './support.js';

describe('endpoints', () => {
  type Before = {
    bridge: ReturnType<typeof createFakeDatapath>;
    leases: Awaited<ReturnType<typeof leasing>>;
  };

  /** @param before what an earlier agent has left */
  async function setUp(before?: Before) {
    const leases = before?.leases ?? (await leasing());
    const bridge = before?.bridge ?? createFakeDatapath();
    const { ipam, record, grant, log } = leases;
    const table = createEndpointTable();
    const teller = createTeller({ ipam, log });
    const used: string[] = [];
    const addresses = { used: (_network: string, ip: string) => void used.push(ip) };
    const { datapath } = bridge;
    const endpoints = createEndpoints({ table, addresses, teller, ipam, datapath, log });
    if (!before) await ipam.lease(record, grant(), IP);
    /** What a pass does with the bridge. */
    async function look(): Promise<void> {
      const lost = await datapath.sync(
        [WEB],
        (port) => endpoints.ownerOf(port, [WEB]),
        { peers: [], remotes: [] },
        endpoints.expected([WEB]),
      );
      endpoints.adopt(await datapath.ports(), [WEB], lost);
    }
    return { leases, bridge, ipam, table, teller, used, datapath, endpoints, look };
  }

  it('make the port and tell others when Docker opens one, and take it away when it closes it', async () => {
    const { endpoints, bridge, ipam, used, table } = await setUp();
    endpoints.open(endpointOf(E1));
    expect(used).to.deep.equal([IP]);
    const { endpoint, port } = await endpoints.join(E1);
    expect(endpoint).to.deep.equal(endpointOf(E1));
    expect(bridge.ports.get(E1)?.port).to.equal(port);
    await turn();
    expect(ipam.find('web', IP)).to.include({ endpoint: E1, up: true }).and.not.have.property('mac');
    await endpoints.close(E1);
    expect([bridge.ports.size, bridge.links.size, table.list().length]).to.deep.equal([0, 0, 0]);
    await endpoints.close(E1);
    expect(await kindOf(endpoints.join(E1))).to.equal('notFound');
  });

  it('tell a MAC that the user chose', async () => {
    const { endpoints, ipam } = await setUp();
    endpoints.open({ ...endpointOf(E1), mac: '02:00:00:00:00:07' });
    await turn();
    expect(ipam.find('web', IP)?.mac).to.equal('02:00:00:00:00:07');
    expect(endpoints.expected([WEB])[0]?.mac).to.equal('02:00:00:00:00:07');
  });

  it('do it once when Docker asks again', async () => {
    const { endpoints, bridge } = await setUp();
    endpoints.open(endpointOf(E1));
    endpoints.open(endpointOf(E1));
    const names = await Promise.all([endpoints.join(E1), endpoints.join(E1)]);
    endpoints.open(endpointOf(E1));
    await endpoints.join(E1);
    expect(bridge.attachedCount()).to.equal(1);
    expect(names[0].port).to.equal(names[1].port);
  });

  it('refuse an address that is not leased here', async () => {
    const { endpoints, bridge, table, ipam } = await setUp();
    await ipam.release('web', IP);
    expect(() => endpoints.open(endpointOf(E1))).to.throw(AppError, 'not leased to this host');
    await turn();
    expect([table.list().length, bridge.ports.size]).to.deep.equal([0, 0]);
  });

  it('say at the join why there is no port, and try again when Docker opens it again', async () => {
    const { endpoints, bridge, table } = await setUp();
    bridge.fail.attach = new AppError('unavailable', 'on fire');
    endpoints.open(endpointOf(E1));
    expect(await endpoints.join(E1).catch(messageOf)).to.equal('on fire');
    expect(table.get(E1)?.failure).to.equal('on fire');
    delete bridge.fail.attach;
    endpoints.open(endpointOf(E1));
    expect((await endpoints.join(E1)).port).to.equal(bridge.ports.get(E1)?.port);
    expect(table.get(E1)?.failure).to.equal(undefined);
  });

  it('leave no rejected promise behind when nobody joins', async () => {
    const { endpoints, bridge } = await setUp();
    const unhandled: unknown[] = [];
    const note = (error: unknown) => void unhandled.push(error);
    process.on('unhandledRejection', note);
    bridge.fail.attach = new AppError('unavailable', 'on fire');
    bridge.fail.detach = new AppError('unavailable', 'on fire too');
    endpoints.open(endpointOf(E1));
    await turn();
    endpoints.open(endpointOf(E2));
    await turn();
    await turn();
    process.off('unhandledRejection', note);
    expect(unhandled).to.deep.equal([]);
  });

  it('close the endpoint that had the address before', async () => {
    const { endpoints, bridge, table, ipam } = await setUp();
    endpoints.open(endpointOf(E1));
    await endpoints.join(E1);
    endpoints.open(endpointOf(E2));
    await endpoints.join(E2);
    await turn();
    expect([...bridge.ports.keys()]).to.deep.equal([E2]);
    expect(table.list().map(({ endpoint }) => endpoint.id)).to.deep.equal([E2]);
    expect(table.at('web', IP)?.endpoint.id).to.equal(E2);
    expect(ipam.find('web', IP)?.endpoint).to.equal(E2);
  });

  it('end up without a port when one is closed while it is made', async () => {
    const { endpoints, bridge } = await setUp();
    endpoints.open(endpointOf(E1));
    await endpoints.close(E1);
    expect(bridge.ports.size).to.equal(0);
  });

  it('are found again by the next agent', async () => {
    const first = await setUp();
    first.endpoints.open(endpointOf(E1));
    const { port } = await first.endpoints.join(E1);
    await turn();
    const { look, endpoints, bridge, table } = await setUp(first);
    await look();
    await look();
    expect(await endpoints.join(E1)).to.deep.equal({ endpoint: endpointOf(E1), port });
    expect([table.get(E1)?.portName, table.get(E1)?.failure]).to.deep.equal([port, undefined]);
    expect([bridge.attachedCount(), table.list().length]).to.deep.equal([1, 1]);
  });

  it('belong to nobody whose lease names another, or is gone', async () => {
    for (const change of [{ endpoint: E2 }, { endpoint: undefined }, undefined]) {
      const first = await setUp();
      first.endpoints.open(endpointOf(E1));
      await first.endpoints.join(E1);
      await turn();
      if (change) await first.ipam.update('web', IP, change);
      else await first.ipam.release('web', IP);
      const { look, bridge, table } = await setUp(first);
      await look();
      expect([bridge.ports.size, table.get(E1)]).to.deep.equal([0, undefined]);
    }
  });

  it('are known to have lost their link, found or not, and to have it again', async () => {
    const first = await setUp();
    first.endpoints.open(endpointOf(E1));
    await first.endpoints.join(E1);
    await turn();
    first.bridge.loseLink(E1);
    await first.look();
    expect(first.table.get(E1)?.failure).to.equal(LINK_LOST);
    const { look, table, endpoints, bridge } = await setUp(first);
    await look();
    expect(table.get(E1)?.failure, 'found by the next agent').to.equal(LINK_LOST);
    expect(endpoints.expected([WEB])).to.have.length(1);
    await first.datapath.attach(endpointOf(E1));
    await look();
    const name = bridge.ports.get(E1)?.port;
    expect(table.get(E1)).to.include({ failure: undefined, portName: name });
    expect((await endpoints.join(E1)).port).to.equal(name);
  });

  it('are made when Docker joins one whose link the agent before did not come to make', async () => {
    const first = await setUp();
    await first.ipam.update('web', IP, { endpoint: E1, up: true });
    const { look, endpoints, bridge, table } = await setUp(first);
    await look();
    expect(table.get(E1)?.failure).to.equal(LINK_LOST);
    const { port } = await endpoints.join(E1);
    expect(bridge.ports.get(E1)?.port).to.equal(port);
    expect(table.get(E1)?.failure).to.equal(undefined);
  });

  it('are not made when Docker joins one whose container lives without its link', async () => {
    const { endpoints, bridge, look, table } = await setUp();
    endpoints.open(endpointOf(E1));
    await endpoints.join(E1);
    await turn();
    table.occupy(table.get(E1)!, occupantOf(A));
    bridge.loseLink(E1);
    await look();
    await endpoints.join(E1);
    expect(bridge.attachedCount()).to.equal(1);
  });

  it('are not found that Docker closes, or has replaced, while the bridge is looked at', async () => {
    const { endpoints, datapath, table, bridge, look } = await setUp();
    endpoints.open(endpointOf(E1));
    await endpoints.join(E1);
    await turn();
    const seen = await datapath.ports();
    await endpoints.close(E1);
    endpoints.adopt(seen, [WEB], []);
    expect(table.list(), 'closed').to.deep.equal([]);
    expect(endpoints.expected([WEB])).to.deep.equal([]);
    endpoints.adopt([], [WEB], [E1]);
    expect(table.list(), 'closed and lost').to.deep.equal([]);

    endpoints.open(endpointOf(E2));
    endpoints.adopt(seen, [WEB], []);
    expect(table.at('web', IP)?.endpoint.id, 'replaced').to.equal(E2);
    await endpoints.join(E2);
    await look();
    expect([...bridge.ports.keys()]).to.deep.equal([E2]);
  });

  it('are not found by an agent that Docker has told of another at the address already', async () => {
    const first = await setUp();
    first.endpoints.open(endpointOf(E1));
    await first.endpoints.join(E1);
    await turn();
    const { endpoints, datapath, table } = await setUp(first);
    const seen = await datapath.ports();
    endpoints.open(endpointOf(E2));
    endpoints.adopt(seen, [WEB], []);
    expect(table.list().map(({ endpoint }) => endpoint.id)).to.deep.equal([E2]);
    expect(table.at('web', IP)?.endpoint.id).to.equal(E2);
  });

  it('are not lost when the port has come meanwhile', async () => {
    const { endpoints, datapath, table } = await setUp();
    endpoints.open(endpointOf(E1));
    await endpoints.join(E1);
    endpoints.adopt(await datapath.ports(), [WEB], [E1]);
    expect(table.get(E1)?.failure).to.equal(undefined);
  });

  it('remember what could not be taken away until it is', async () => {
    const { endpoints, bridge, look } = await setUp();
    endpoints.open(endpointOf(E1));
    await endpoints.join(E1);
    await turn();
    bridge.fail.detach = new AppError('internal', 'stuck');
    expect(await kindOf(endpoints.close(E1))).to.equal('internal');
    expect([endpoints.hasRemains(), bridge.ports.size]).to.deep.equal([true, 1]);
    await look();
    expect([endpoints.hasRemains(), bridge.ports.size]).to.deep.equal([false, 0]);
  });

  it('expect no port of a network that is not there', async () => {
    const { endpoints, ipam, datapath } = await setUp();
    endpoints.open(endpointOf(E1));
    await endpoints.join(E1);
    await turn();
    expect(ipam.find('web', IP)?.endpoint).to.equal(E1);
    expect(endpoints.expected([])).to.deep.equal([]);
    endpoints.adopt(await datapath.ports(), [], []);
  });
});
