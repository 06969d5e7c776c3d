import { expect } from 'chai';
import { AppError } from '../../../lib/base/errors.js';
import { createIpam } from '../../../lib/ipam/ipam.js';
import { setUp } from '../../support/agent-on-fakes.js';
import { until } from '../../support/until.js';
import { E1, kindOf, turn } from './support.js';

type Parts = Awaited<ReturnType<typeof setUp>>;

const IP = '10.0.0.2';

/** A container with a kept address, as the hooks make it. */
async function keep({ addresses, docker }: Parts, name: string): Promise<string> {
  const lease = await addresses.keep('web', { names: [name] });
  const id = docker.create(name, { network: 'web', ip: lease.ip, isKept: true });
  await addresses.assign(lease, id, [name]);
  return id;
}

/** Everything that is written has been. */
const told = ({ teller }: Parts) => until(() => teller.areAllTold());

/** Has Docker answer with what was so when this is called; returns what ends that. */
async function freeze({ docker }: Parts, id: string): Promise<() => void> {
  const { inspect } = docker.docker;
  const answer = await inspect(id);
  docker.docker.inspect = async () => answer;
  return () => void (docker.docker.inspect = inspect);
}

/** Another host leases the address, as if this one had been given up. */
async function lose({ ipam, store, networks }: Parts, ip = IP): Promise<void> {
  const other = createIpam({ store, host: 'h2' });
  await other.load();
  await other.releaseHost('h1');
  await other.lease((await networks.find('web'))!, { kept: false, names: ['thief'], up: true }, ip);
  await ipam.load();
}

describe('settling a container', () => {
  it('finds done what the driver has done, and says whose it is', async () => {
    const parts = await setUp();
    const { docker, settle, ipam, bridge, find } = parts;
    const id = docker.create('con', { network: 'web', aliases: ['db'] });
    await docker.start(id);
    await told(parts);
    await settle.container(id);
    await told(parts);
    expect(ipam.find('web', IP)).to.deep.include({ container: id, up: true, kept: false });
    expect(ipam.find('web', IP)?.names).to.include.members(['con', 'db']);
    expect(find('con')).to.include({ state: 'up', ip: IP, container: id });
    await until(() => [...bridge.ports.values()][0]?.container === id);
    expect(bridge.attachedCount()).to.equal(1);
    await docker.stop(id);
    await settle.container(id);
    expect([ipam.owned(), bridge.ports.size]).to.deep.equal([[], 0]);
  });

  it('leaves containers alone that are none of ours', async () => {
    const { docker, settle, ipam } = await setUp();
    const id = docker.create('other', 'bridge');
    await docker.start(id);
    await settle.container(id);
    await docker.remove(id);
    await settle.container(id);
    expect(ipam.owned()).to.deep.equal([]);
  });

  it("leaves a network of Docker's own alone that has the name of ours", async () => {
    const { docker, networks, settle, ipam } = await setUp();
    await docker.docker.createNetwork({
      Name: 'shop',
      Driver: 'bridge',
      IPAM: { Config: [{ Subnet: '10.7.0.0/24' }] },
    });
    await networks.create('shop', { subnet: '10.7.0.0/24' });
    const id = docker.create('con', 'shop');
    await docker.start(id);
    await settle.container(id);
    expect(ipam.owned()).to.deep.equal([]);
  });

  it('keeps a kept address while the container does not run, and frees it with the container', async () => {
    const parts = await setUp();
    const { docker, settle, ipam, find } = parts;
    const id = await keep(parts, 'con');
    await docker.start(id);
    await told(parts);
    await settle.container(id);
    await docker.stop(id);
    await settle.container(id);
    expect(find('con')).to.include({ state: 'down', ip: IP });
    await docker.start(id);
    expect(docker.place(id, 'web')?.ip).to.equal(IP);
    await docker.remove(id);
    await settle.container(id);
    expect(ipam.owned()).to.deep.equal([]);
  });

  it('keeps it also before anything is heard of the networks', async () => {
    const first = await setUp();
    const id = await keep(first, 'con');
    await first.docker.start(id);
    await told(first);
    await first.docker.stop(id);
    const { settle, ipam } = await setUp({
      ...first,
      dockerNetworks: { ...first.dockerNetworks, get: () => undefined },
    });
    await settle.container(id);
    expect(ipam.find('web', IP)?.container).to.equal(id);
  });

  it('does not take the lease of a running container that an agent without a bridge finds', async () => {
    const first = await setUp();
    const id = first.docker.create('con', 'web');
    await first.docker.start(id);
    await first.settle.container(id);
    await told(first);
    const { settle, ipam } = await setUp({
      ...first,
      dockerNetworks: { ...first.dockerNetworks, get: () => undefined },
    });
    await settle.container(id);
    expect(ipam.find('web', IP)).to.include({ container: id, up: true });
  });

  it('takes nothing from a start that has begun since Docker was asked', async () => {
    const parts = await setUp();
    const { docker, settle, ipam, bridge, table } = parts;
    const id = docker.create('con', 'web');
    await docker.start(id);
    await settle.container(id);
    await told(parts);
    for (const [what, before] of [
      ['running', id],
      ['stopped', id],
    ] as const) {
      if (what === 'stopped') await docker.stop(before);
      const thaw = await freeze(parts, before);
      await docker.stop(before);
      await docker.start(before);
      await told(parts);
      const endpoint = docker.place(id, 'web')!.endpoint;
      await settle.container(id);
      await settle.orphans([]);
      const { ip } = docker.place(id, 'web')!;
      expect([...bridge.ports.keys()], what).to.deep.equal([endpoint]);
      expect(ipam.find('web', ip), what).to.include({ endpoint, up: true });
      expect(table.get(endpoint), what).to.not.equal(undefined);
      thaw();
      await settle.container(id);
      await told(parts);
      expect(ipam.find('web', ip)?.container, what).to.equal(id);
    }
  });

  it('takes nothing from a start that begins between two steps', async () => {
    const parts = await setUp();
    const { docker, settle, ipam, bridge } = parts;
    const id = await keep(parts, 'con');
    await docker.start(id);
    await settle.container(id);
    await told(parts);
    docker.crash();
    const { detach } = bridge.datapath;
    let unblock!: () => void;
    const blocked = new Promise<void>((resolve) => (unblock = resolve));
    bridge.datapath.detach = async (endpoint) => (await blocked, detach(endpoint));
    const settled = settle.container(id);
    await turn();
    await docker.start(id);
    await told(parts);
    unblock();
    await settled;
    const { endpoint } = docker.place(id, 'web')!;
    expect(ipam.find('web', IP)).to.include({ endpoint, up: true });
    expect([...bridge.ports.keys()]).to.deep.equal([endpoint]);
  });

  it('writes nothing into the lease of another container that has the address by now', async () => {
    const parts = await setUp();
    const { docker, settle, ipam } = parts;
    const first = docker.create('first', { network: 'web', ip: IP });
    await docker.start(first);
    const thaw = await freeze(parts, first);
    await docker.stop(first);
    const second = docker.create('second', { network: 'web', ip: IP });
    await docker.start(second);
    await told(parts);
    await settle.container(first);
    thaw();
    await settle.container(second);
    await told(parts);
    expect(ipam.find('web', IP)?.container).to.equal(second);
    await settle.container(first);
    expect(ipam.find('web', IP)?.container).to.equal(second);
  });

  it('writes into the lease which endpoint has the address', async () => {
    const parts = await setUp();
    const { docker, settle, ipam } = parts;
    const id = docker.create('con', 'web');
    await docker.start(id);
    await told(parts);
    await ipam.update('web', IP, { endpoint: E1, up: false });
    await settle.container(id);
    const { endpoint } = docker.place(id, 'web')!;
    expect(ipam.find('web', IP)).to.include({ endpoint, up: true });
  });

  it('leases again what a running container has', async () => {
    const parts = await setUp();
    const { docker, settle, ipam, bridge } = parts;
    const [id, kept] = [docker.create('con', 'web'), await keep(parts, 'kept')];
    for (const one of [id, kept]) {
      await docker.start(one);
      await settle.container(one);
    }
    await told(parts);
    const { ip } = docker.place(kept, 'web')!;
    for (const lease of ipam.owned()) await ipam.release(lease.network, lease.ip);
    for (const one of [id, kept]) await settle.container(one);
    await told(parts);
    const { ip: other } = docker.place(id, 'web')!;
    expect(ipam.find('web', other)).to.deep.include({ container: id, up: true, kept: false });
    expect(ipam.find('web', ip)).to.deep.include({ container: kept, up: true, kept: true });
    expect(bridge.attachedCount()).to.equal(2);
  });

  it('leases nothing on a network that the cluster has no more', async () => {
    const parts = await setUp();
    const { docker, settle, ipam, networks } = parts;
    const id = docker.create('con', 'web');
    await docker.start(id);
    await settle.container(id);
    await told(parts);
    await ipam.update('web', IP, { up: false });
    await networks.remove('web');
    await ipam.load();
    await settle.container(id);
    expect(ipam.owned()).to.deep.equal([]);
  });

  it('stops the use of an address that another host has by now, and gives the container another, which it keeps', async () => {
    const parts = await setUp();
    const { docker, settle, ipam, bridge } = parts;
    const id = await keep(parts, 'con');
    await docker.start(id);
    await settle.container(id);
    await told(parts);
    await lose(parts);
    await settle.container(id);
    await settle.container(id);
    await told(parts);
    const { ip, endpoint } = docker.place(id, 'web')!;
    expect(ip).to.not.equal(IP);
    expect(ipam.find('web', ip)).to.deep.include({ container: id, up: true, kept: true });
    expect([...bridge.ports.keys()]).to.deep.equal([endpoint]);
  });

  it('stops that use also when Docker does not take the container off', async () => {
    const parts = await setUp();
    const { docker, settle, bridge } = parts;
    const id = docker.create('con', 'web');
    await docker.start(id);
    await settle.container(id);
    await told(parts);
    await lose(parts);
    docker.docker.disconnect = () => Promise.reject(new AppError('unavailable', 'slow'));
    expect(await kindOf(settle.container(id))).to.equal('unavailable');
    expect(bridge.ports.size).to.equal(0);
  });

  it('has one other address ready, however often Docker does not take the container off', async () => {
    const parts = await setUp();
    const { docker, settle, ipam } = parts;
    const id = await keep(parts, 'con');
    await docker.start(id);
    await settle.container(id);
    await told(parts);
    await lose(parts);
    const { disconnect } = docker.docker;
    docker.docker.disconnect = () => Promise.reject(new AppError('unavailable', 'slow'));
    for (let times = 0; times < 3; times++)
      expect(await kindOf(settle.container(id))).to.equal('unavailable');
    expect(ipam.ofContainer(id)).to.have.length(1);
    docker.docker.disconnect = disconnect;
    await settle.container(id);
    await settle.container(id);
    await told(parts);
    const { ip } = docker.place(id, 'web')!;
    expect(ipam.owned().map((lease) => lease.ip)).to.deep.equal([ip]);
  });

  it('leases again what a container keeps that does not run, or gives it another that it keeps', async () => {
    for (const isTaken of [false, true]) {
      const parts = await setUp();
      const { docker, settle, ipam } = parts;
      const id = await keep(parts, 'con');
      if (isTaken) await lose(parts);
      else await ipam.release('web', IP);
      await settle.container(id);
      await settle.container(id);
      const [lease, ...more] = ipam.owned();
      expect(lease).to.deep.include({ container: id, kept: true, up: false });
      expect([lease?.ip === IP, more]).to.deep.equal([!isTaken, []]);
      await docker.start(id);
      expect(docker.place(id, 'web')?.ip).to.equal(lease?.ip);
    }
  });

  it('waits with an address that the user chose until it is there again', async () => {
    const parts = await setUp();
    const { docker, settle, bridge, store, ipam } = parts;
    const id = docker.create('con', { network: 'web', ip: IP });
    await docker.start(id);
    await settle.container(id);
    await told(parts);
    await lose(parts);
    expect(await kindOf(settle.container(id))).to.equal('conflict');
    expect(bridge.ports.size).to.equal(0);
    expect(settle.unfinished()).to.deep.equal([id]);
    expect(await kindOf(settle.container(id)), 'still').to.equal('conflict');
    const other = createIpam({ store, host: 'h2' });
    await other.load();
    await other.release('web', IP);
    await ipam.load();
    await settle.container(id);
    await settle.container(id);
    expect(docker.place(id, 'web')?.ip).to.equal(IP);
    expect(settle.unfinished()).to.deep.equal([]);
  });

  it('has Docker make a link anew that is lost, with the same address where that is kept', async () => {
    const parts = await setUp();
    const { docker, settle, bridge, table, find } = parts;
    const id = await keep(parts, 'con');
    await docker.start(id);
    await settle.container(id);
    await told(parts);
    const before = docker.place(id, 'web')!.endpoint;
    table.get(before)!.failure = 'its link to the bridge is gone';
    expect(find('con')).to.include({ state: 'failed', reason: 'its link to the bridge is gone' });
    await settle.container(id);
    await settle.container(id);
    const { endpoint, ip } = docker.place(id, 'web')!;
    expect([ip, endpoint === before]).to.deep.equal([IP, false]);
    expect([...bridge.ports.keys()]).to.deep.equal([endpoint]);
    expect(find('con')).to.include({ state: 'up' });
  });

  it('has a container that does not run find a network that was made anew', async () => {
    const parts = await setUp();
    const { docker, settle, fanOut, dockerNetworks } = parts;
    const id = await keep(parts, 'con');
    await docker.start(id);
    await settle.container(id);
    await told(parts);
    await docker.stop(id);
    const before = docker.place(id, 'web')!.networkId;
    await docker.docker.removeNetwork(before);
    await fanOut.reconcile();
    const now = dockerNetworks.idOf('web');
    expect(now).to.not.be.oneOf([before, undefined]);
    const { disconnect } = docker.docker;
    const off: string[] = [];
    docker.docker.disconnect = (network, container) => (off.push(network), disconnect(network, container));
    await settle.container(id);
    await settle.container(id);
    expect(off).to.deep.equal([now]);
    await docker.start(id);
    expect(docker.place(id, 'web')).to.include({ networkId: now, ip: IP });
  });

  it('frees the address of the one network that a container is taken off', async () => {
    const parts = await setUp();
    const { docker, settle, ipam, networks, fanOut } = parts;
    const net = await networks.create('shop', { subnet: '10.7.0.0/29' });
    await parts.convergence.start();
    await fanOut.reconcile();
    const id = docker.create('con', 'web', net.id);
    await docker.start(id);
    await settle.container(id);
    await told(parts);
    expect(ipam.ofContainer(id)).to.have.length(2);
    // Docker's calls get lost.
    docker.drive({ ...docker.driver()!, close: async () => undefined, giveBack: async () => undefined });
    await docker.docker.disconnect('shop', id);
    await settle.container(id);
    expect(ipam.ofContainer(id).map(({ network }) => network)).to.deep.equal(['web']);
    expect(parts.table.list().map(({ endpoint }) => endpoint.network.id)).to.deep.equal(['web']);
    parts.end();
  });

  it('frees everything when Docker has forgotten it in a crash', async () => {
    const parts = await setUp();
    const { docker, settle, ipam, bridge } = parts;
    const [id, kept] = [docker.create('con', 'web'), await keep(parts, 'kept')];
    for (const one of [id, kept]) {
      await docker.start(one);
      await settle.container(one);
    }
    await told(parts);
    docker.crash();
    for (const one of [id, kept]) await settle.container(one);
    expect(ipam.owned().map(({ container, up }) => [container, up])).to.deep.equal([[kept, false]]);
    expect([bridge.ports.size, parts.table.list()]).to.deep.equal([0, []]);
    await docker.start(kept);
    expect(parts.find('kept')?.state).to.equal('starting');
  });

  describe('that uses the kept address of another', () => {
    async function borrowed() {
      const parts = await setUp();
      const { docker, settle } = parts;
      const owner = await keep(parts, 'owner');
      const user = docker.create('user', { network: 'web', ip: IP });
      await docker.start(user);
      await told(parts);
      await settle.container(user);
      await told(parts);
      return { ...parts, owner, user };
    }

    it("leaves it the first one's, which takes nothing away", async () => {
      const parts = await borrowed();
      const { ipam, settle, owner, user, docker, bridge } = parts;
      expect(ipam.find('web', IP)).to.include({ container: owner, kept: true, up: true });
      expect(ipam.find('web', IP)?.names).to.include('user');
      await settle.container(owner);
      expect([bridge.ports.size, ipam.find('web', IP)?.up]).to.deep.equal([1, true]);
      expect(parts.find('user')).to.include({ state: 'up', container: user });
      expect(await docker.start(owner).then(() => 'started', String)).to.include('Address already in use');
      await docker.remove(user);
      await settle.container(user);
      expect(ipam.find('web', IP)).to.include({ container: owner, kept: true, up: false });
      await docker.start(owner);
    });

    it('gets it when the first one is removed', async () => {
      const parts = await borrowed();
      const { ipam, settle, owner, user, docker, bridge } = parts;
      await docker.remove(owner);
      await settle.container(owner);
      await told(parts);
      expect(ipam.find('web', IP)).to.include({ container: user, kept: false, up: true });
      expect(bridge.ports.size).to.equal(1);
      await docker.remove(user);
      await settle.container(user);
      expect(ipam.owned()).to.deep.equal([]);
    });

    it("keeps its link when the first one's address is given back by hand", async () => {
      const { settle, owner, ipam, bridge } = await borrowed();
      await settle.release(owner);
      await turn();
      expect([bridge.ports.size, ipam.find('web', IP)?.up]).to.deep.equal([1, true]);
    });
  });

  it('gives back what a container has when it is told to', async () => {
    const parts = await setUp();
    const { settle, ipam, store } = parts;
    const id = await keep(parts, 'con');
    const { commit } = store;
    store.commit = () => Promise.reject(new AppError('unavailable', 'away'));
    expect(await kindOf(settle.release(id))).to.equal('unavailable');
    store.commit = commit;
    await settle.release(id);
    expect(ipam.owned()).to.deep.equal([]);
  });

  describe('that nobody knows', () => {
    it('leaves those alone that are being started or made, and whose owner is on its way into the lease', async () => {
      const parts = await setUp();
      const { settle, ipam, addresses, docker, bridge, store, teller } = parts;
      await addresses.keep('web', { names: [] });
      const asked = await addresses.request('web');
      await settle.orphans([]);
      expect(ipam.owned()).to.have.length(2);
      await addresses.giveBack('web', asked);
      const id = docker.create('con', 'web');
      await docker.start(id);
      await settle.orphans([]);
      expect(bridge.ports.size).to.equal(1);
      await told(parts);
      const { commit } = store;
      store.commit = () => Promise.reject(new AppError('unavailable', 'away'));
      await settle.container(id);
      store.commit = commit;
      await settle.orphans([]);
      expect(bridge.ports.size).to.equal(1);
      await teller.tellAgain();
      expect(ipam.ofContainer(id)).to.have.length(1);
    });

    it('finds the container that Docker made although the agent was killed in that moment', async () => {
      const parts = await setUp();
      const { settle, ipam, addresses, docker } = parts;
      const { ip } = await addresses.keep('web', { names: ['con'] });
      const id = docker.create('con', { network: 'web', ip, isKept: true });
      const next = await setUp(parts);
      await next.settle.orphans(await docker.docker.containers());
      expect(next.ipam.find('web', ip)).to.deep.include({ container: id, names: ['con'], kept: true });
      await docker.remove(id);
      await next.settle.container(id);
      await ipam.load();
      await settle.orphans([]);
      expect(ipam.owned()).to.deep.equal([]);
    });

    it('gives a start time that the agent was killed in, whatever the moment', async () => {
      const parts = await setUp();
      const { docker } = parts;
      const ip = await parts.addresses.request('web');
      const next = await setUp(parts);
      await next.settle.orphans([]);
      next.endpoints.open({ id: E1, network: await next.networks.get('web'), ip, mac: '02:42:0a:00:00:02' });
      await next.endpoints.join(E1);
      await told(next);
      expect(next.ipam.find('web', ip)).to.include({ endpoint: E1, up: true });
      await next.settle.orphans(await docker.docker.containers());
      expect(next.bridge.ports.size).to.equal(1);
    });
  });
});
