import { expect } from 'chai';
import { createSocketplaneAdapter } from '../../../adapters/socketplane/index.js';
import { AppError } from '../../../lib/base/errors.js';
import type { NetworkBody } from '../../../lib/docker/docker.js';
import { adapterOnFakes, CONTEXT, hooksOf, ID } from './socketplane-on-fakes.js';

type Fakes = Awaited<ReturnType<typeof adapterOnFakes>>;

const CREATE = 'POST /networks/create';
const OURS = ['db', 'socketplane', 'web'];
const creation = (Name: string, more: object = {}) => ({
  Name,
  Driver: 'socketplane',
  CheckDuplicate: true,
  ...more,
});
const tick = () => new Promise(setImmediate);

describe('adapter socketplane: networks', () => {
  let fakes: Fakes;
  beforeEach(async () => (fakes = await adapterOnFakes()));
  afterEach(() => fakes.close());

  /** A container on another host. */
  const occupy = (network: string) => fakes.addresses.keep(network, { container: ID, names: ['con'] });
  async function useElsewhere(network: string): Promise<void> {
    const { ip } = await occupy(network);
    await fakes.ipam.update(network, ip, { up: true });
  }

  describe('create', () => {
    /** Docker makes the network that it is sent. */
    const make = (body: object) =>
      fakes.call(CREATE, body, async (request) => ({
        Code: 201,
        Body: { Id: await fakes.docker.docker.createNetwork(request.body as object as NetworkBody) },
      }));

    it('makes it in the cluster, then in Docker with the subnet that it got', async () => {
      const { docker, client } = await make(
        creation('new', {
          Attachable: true,
          IPAM: { Driver: 'default', Options: { o: '1' } },
          Labels: { a: 'b' },
          Options: { k: 'v' },
        }),
      );
      const { subnet, settings } = await fakes.networks.get('new');
      expect(docker?.body).to.deep.equal({
        ...{ Name: 'new', Driver: 'socketplane', CheckDuplicate: true, Attachable: true, Labels: { a: 'b' } },
        IPAM: { Driver: 'socketplane', Options: { o: '1' }, Config: [{ Subnet: subnet }] },
        Options: { k: 'v' },
      });
      expect(settings).to.deep.equal({ labels: { a: 'b' }, options: { k: 'v' } });
      expect([client?.status, fakes.held()]).to.deep.equal([201, 0]);
    });

    it('names the gateway to Docker, here and elsewhere, only where the client did', async () => {
      for (const [name, more, expected] of [
        ['one', {}, undefined],
        ['two', { Gateway: '10.8.0.1' }, '10.8.0.1'],
      ] as const) {
        const Config = [{ Subnet: name === 'one' ? '10.7.0.0/16' : '10.8.0.0/16', ...more }];
        await make(creation(name, { IPAM: { Config } }));
        const here = fakes.docker.byName(name)[0]!;
        fakes.docker.networks.delete(here.id);
        await fakes.hear();
        const elsewhere = fakes.docker.byName(name)[0]!;
        expect([here.gateway, elsewhere.gateway], name).to.deep.equal([expected, expected]);
      }
    });

    it('tells the driver which network Docker means, while Docker makes it', async () => {
      for (const code of [201, 500]) {
        let subnet = '';
        let meanwhile: string | undefined;
        await fakes.call(CREATE, creation('new'), async () => {
          ({ subnet } = await fakes.networks.get('new'));
          meanwhile = fakes.makings.nameOf(subnet);
          return code === 201 ? { Code: code, Body: { Id: 'x' } } : { Code: code, Body: { message: 'no' } };
        });
        const afterwards = fakes.makings.nameOf(subnet);
        expect([meanwhile, afterwards], String(code)).to.deep.equal(['new', undefined]);
        await fakes.networks.remove('new').catch(() => undefined);
      }
    });

    it('keeps what was chosen, the same for every host: Compose compares labels', async () => {
      const labels = {
        'com.docker.compose.project': 'shop',
        'com.docker.compose.network': 'back',
        empty: '',
      };
      const Config = [
        {
          Subnet: '10.7.0.0/16',
          Gateway: '10.7.0.9',
          IPRange: '10.7.1.0/24',
          AuxiliaryAddresses: { a: '10.7.0.8' },
        },
      ];
      const { docker } = await make(
        creation('shop_back', { Internal: true, IPAM: { Config }, Labels: labels }),
      );
      expect(docker?.body).to.have.deep.nested.property('IPAM.Config', Config);
      fakes.docker.networks.clear();
      await fakes.hear();
      const [elsewhere] = fakes.docker.byName('shop_back');
      expect(elsewhere).to.deep.include({
        labels,
        internal: true,
        range: '10.7.1.0/24',
        aux: { a: '10.7.0.8' },
        gateway: '10.7.0.9',
      });
    });

    it('leaves networks of other drivers to Docker', async () => {
      for (const body of [
        { Name: 'own', Driver: 'bridge' },
        { Name: 'own' },
        { Name: 'web', Driver: 'bridge' },
        null,
      ]) {
        const { docker, refused } = await fakes.call(CREATE, body, { Code: 201, Body: { Id: '1' } });
        expect([docker?.body, refused]).to.deep.equal([body, undefined]);
      }
      expect(await fakes.names()).to.deep.equal(OURS);
    });

    const ipam = (config: object, more: object = {}) => ({ IPAM: { Config: [config], ...more } });
    const refused: [string, object, number, RegExp][] = [
      ['web', {}, 409, /^network with name web already exists$/],
      ['not/a/name', {}, 400, /cannot be the name of a network/],
      ['default', {}, 400, /Docker uses it itself/],
      ['new', { EnableIPv6: true }, 400, /no IPv6/],
      ['new', { EnableIPv4: false }, 400, /has IPv4/],
      ['new', { ConfigOnly: true }, 400, /configuration in the cluster/],
      ['new', { ConfigFrom: { Network: 'x' } }, 400, /configuration in the cluster/],
      ['new', { Ingress: true }, 400, /not for Swarm/],
      ['new', { Scope: 'swarm' }, 400, /not for Swarm/],
      ['new', ipam({}, { Driver: 'other' }), 400, /no other IPAM driver \(other\)/],
      ['new', { IPAM: { Config: [{}, {}] } }, 400, /one subnet/],
      ['new', ipam({ Subnet: '10.0.0.0/24' }), 409, /overlaps network web/],
      ['new', ipam({ Subnet: '10.7.0.1/16' }), 400, /host bits set: did you mean 10\.7\.0\.0\/16/],
      ['new', ipam({ Subnet: '10.7.0.0/16', IPRange: '10.7.1.5/24' }), 400, /range .*host bits/],
      ['new', ipam({ Subnet: '10.7.0.0/16', IPRange: '10.8.1.0/24' }), 400, /does not lie in subnet/],
      [
        'new',
        ipam({ Subnet: '10.7.0.0/16', Gateway: '10.7.0.8', AuxiliaryAddresses: { a: '10.7.0.8' } }),
        400,
        /a=10\.7\.0\.8 is the gateway/,
      ],
      ['new', ipam({ Gateway: '10.7.0.8' }), 400, /--gateway needs --subnet/],
      ['new', { Labels: ['a'] }, 400, /Labels is not valid/],
    ];
    for (const [name, more, status, says] of refused) {
      it(`refuses ${name} ${JSON.stringify(more)} in one line`, async () => {
        const { refused: text, client, docker } = await fakes.call(CREATE, creation(name, more));
        expect(text).to.match(says).and.not.include('\n');
        expect([client?.status, docker, fakes.held(), await fakes.names()]).to.deep.equal([
          status,
          undefined,
          0,
          OURS,
        ]);
      });
    }

    it("refuses the name of one of Docker's own networks", async () => {
      fakes.docker.add({ name: 'own', driver: 'bridge' });
      const { client } = await fakes.call(CREATE, creation('own'));
      expect([client?.status, fakes.held(), await fakes.names()]).to.deep.equal([409, 0, OURS]);
    });

    it('takes it back when Docker refuses', async () => {
      const { client } = await fakes.call(CREATE, creation('new'), { Code: 500, Body: { message: 'no' } });
      expect([client?.status, fakes.held(), await fakes.names()]).to.deep.equal([500, 0, OURS]);
    });

    it('has Docker’s old one removed first when another host removed the network just now', async () => {
      await fakes.networks.remove('db');
      await fakes.hear();
      const old = fakes.docker.add({ name: 'db' });
      await fakes.dockerNetworks.set(old, { name: 'db', subnet: '10.0.1.0/24' });
      const { client } = await make(creation('db'));
      expect([
        client?.status,
        fakes.docker.networks.has(old),
        fakes.docker.byName('db').length,
      ]).to.deep.equal([201, false, 1]);
    });

    it('is held while Docker makes it, so that nobody makes it twice', async () => {
      let meanwhile: unknown;
      const { client } = await fakes.call(CREATE, creation('new'), async () => {
        await fakes.hear();
        meanwhile = [fakes.held(), fakes.docker.byName('new')];
        return { Code: 201, Body: { Id: fakes.docker.add({ name: 'new' }) } };
      });
      expect(meanwhile).to.deep.equal([1, []]);
      expect([client?.status, fakes.held()]).to.deep.equal([201, 0]);
    });

    it('stays in Docker while nobody here has heard of it', async () => {
      await make(creation('new'));
      const [made] = fakes.docker.byName('new');
      await fakes.fanOut.reconcile();
      await fakes.hear();
      expect(fakes.docker.byName('new').map(({ id }) => id)).to.deep.equal([made?.id]);
    });

    it('succeeds for one of two at the same time', async () => {
      const results = await Promise.all([make(creation('new')), make(creation('new'))]);
      expect(results.map(({ client }) => client?.status).toSorted()).to.deep.equal([201, 409]);
      expect([fakes.held(), await fakes.names()]).to.deep.equal([0, [...OURS, 'new'].toSorted()]);
    });

    describe('in other orders', () => {
      const { pre, post, unwind } = hooksOf(CREATE, creation('new'));

      it('is taken back when the client left before the hook was done', async () => {
        const running = fakes.adapter.pre!(pre, CONTEXT);
        await fakes.adapter.unwind!(unwind('client'), CONTEXT);
        await running;
        while (fakes.held() > 0) await tick();
        expect(await fakes.names()).to.deep.equal(OURS);
      });

      it('stays when the client left after Docker made it', async () => {
        await fakes.adapter.pre!(pre, CONTEXT);
        await fakes.adapter.post!(post(201), CONTEXT);
        await fakes.adapter.unwind!(unwind('client'), CONTEXT);
        expect([fakes.held(), await fakes.names()]).to.deep.equal([0, [...OURS, 'new'].toSorted()]);
      });

      it('goes when another adapter refuses what Docker made', async () => {
        await fakes.adapter.pre!(pre, CONTEXT);
        await fakes.adapter.post!(post(201), CONTEXT);
        await fakes.adapter.unwind!(unwind('adapter', 403), CONTEXT);
        expect([fakes.held(), await fakes.names()]).to.deep.equal([0, OURS]);
      });

      it('may be gone already when it is taken back', async () => {
        await fakes.adapter.pre!(pre, CONTEXT);
        await fakes.networks.remove('new');
        await fakes.adapter.unwind!(unwind('docker', 500), CONTEXT);
        expect(fakes.held()).to.equal(0);
      });

      it('lets go even when it cannot be taken back', async () => {
        await fakes.adapter.pre!(pre, CONTEXT);
        await useElsewhere('new');
        await Promise.resolve(fakes.adapter.unwind!(unwind('docker', 500), CONTEXT)).catch(() => undefined);
        expect([fakes.held(), await fakes.names()]).to.deep.equal([0, [...OURS, 'new'].toSorted()]);
      });

      it('is none of the business of an agent that was restarted meanwhile', async () => {
        await fakes.adapter.pre!(pre, CONTEXT);
        const restarted = createSocketplaneAdapter(fakes.options);
        await restarted.post!(post(201), CONTEXT);
        await restarted.unwind!(unwind('docker', 500), CONTEXT);
        expect(await fakes.names()).to.include('new');
      });
    });
  });

  describe('remove', () => {
    const remove = (reference: string, Code = 204) =>
      fakes.call(
        `DELETE /networks/${reference}`,
        undefined,
        Code === 204 ? { Code } : { Code, Body: { message: 'no' } },
      );

    it('removes it from the cluster first', async () => {
      const { client } = await fakes.call('DELETE /networks/web', undefined, async () => {
        expect([fakes.held(), await fakes.names()]).to.deep.equal([1, ['db', 'socketplane']]);
        return { Code: 204 };
      });
      expect([client?.status, fakes.held(), await fakes.names()]).to.deep.equal([
        204,
        0,
        ['db', 'socketplane'],
      ]);
    });

    it('finds it by Docker’s id', async () => {
      const [web] = fakes.docker.byName('web');
      fakes.docker.networks.delete(web!.id);
      fakes.docker.networks.set('abcdef', { ...web!, id: 'abcdef' });
      expect((await remove('abcd')).client?.status).to.equal(204);
      expect(await fakes.names()).to.deep.equal(['db', 'socketplane']);
    });

    it('is refused with 403, in Docker’s words, while a host has a container on it', async () => {
      await useElsewhere('web');
      const { client, docker } = await remove('web');
      expect(client?.status).to.equal(403);
      expect(client?.body)
        .to.have.property('message')
        .that.matches(/network web has active endpoints: .*\(con\)/);
      expect([docker, fakes.held(), await fakes.names()]).to.deep.equal([undefined, 0, OURS]);
    });

    it('is refused for the default network', async () => {
      const { client, docker } = await remove('socketplane');
      expect([client?.status, docker, fakes.held()]).to.deep.equal([403, undefined, 0]);
    });

    it('puts it back as it was when Docker refuses', async () => {
      const before = await fakes.networks.get('web');
      expect((await remove('web', 403)).client?.status).to.equal(403);
      expect([await fakes.networks.get('web'), fakes.held()]).to.deep.equal([before, 0]);
    });

    it('succeeds when Docker did not have it: it is gone', async () => {
      const { client } = await remove('web', 404);
      expect([
        client?.status,
        client?.body === null || client?.body === '' || client?.body === undefined,
      ]).to.deep.equal([204, true]);
      expect([fakes.held(), await fakes.names()]).to.deep.equal([0, ['db', 'socketplane']]);
    });

    it('leaves to Docker what another host has removed from the cluster already', async () => {
      await fakes.networks.remove('web');
      const { client, docker } = await remove('web');
      expect([client?.status, docker === undefined, fakes.held()]).to.deep.equal([204, false, 0]);
    });

    it('leaves networks alone that are not ours', async () => {
      fakes.docker.add({ name: 'own', driver: 'bridge' });
      for (const [reference, code] of [
        ['own', 204],
        ['nope', 404],
        ['..%2fx', 404],
      ] as const)
        expect((await remove(reference, code)).client?.status).to.equal(code);
      expect(await fakes.names()).to.deep.equal(OURS);
    });

    it("removes Docker's own of that name, and not the cluster's", async () => {
      const [web] = fakes.docker.byName('web');
      fakes.docker.networks.delete(web!.id);
      fakes.docker.add({ name: 'web', driver: 'bridge' });
      await fakes.hear();
      expect((await remove('web')).client?.status).to.equal(204);
      expect(await fakes.names()).to.deep.equal(OURS);
    });

    it('is undone when the client left before the hook was done', async () => {
      const { pre, unwind } = hooksOf('DELETE /networks/web', undefined);
      const running = fakes.adapter.pre!(pre, CONTEXT);
      await fakes.adapter.unwind!(unwind('client'), CONTEXT);
      await running;
      while (fakes.held() > 0) await tick();
      expect(await fakes.names()).to.deep.equal(OURS);
    });

    it('lets go when it cannot be put back', async () => {
      const { pre, unwind } = hooksOf('DELETE /networks/web', undefined);
      await fakes.adapter.pre!(pre, CONTEXT);
      await fakes.networks.create('other', { subnet: '10.0.0.0/24' });
      const failed = await Promise.resolve(fakes.adapter.unwind!(unwind('docker', 500), CONTEXT)).catch(
        (error: unknown) => error,
      );
      expect(failed)
        .to.have.property('message')
        .that.matches(/overlaps network other/);
      expect(fakes.held()).to.equal(0);
    });
  });

  describe('prune', () => {
    const prune = async (...names: string[]) => {
      const body = { NetworksDeleted: names, Later: 1 };
      const { client } = await fakes.call('POST /networks/prune', undefined, async () => {
        for (const name of names)
          for (const { id } of fakes.docker.byName(name)) fakes.docker.networks.delete(id);
        return { Code: 200, Body: body };
      });
      expect(fakes.held()).to.equal(0);
      return client?.body;
    };

    it('removes from the cluster what is idle everywhere, and tells of no other', async () => {
      await useElsewhere('web');
      fakes.docker.add({ name: 'own', driver: 'bridge' });
      expect(await prune('web', 'db', 'own', 'socketplane')).to.deep.equal({
        NetworksDeleted: ['db', 'own'],
        Later: 1,
      });
      expect(await fakes.names()).to.deep.equal(['socketplane', 'web']);
      await fakes.hear();
      expect(fakes.docker.byName('web')).to.have.length(1);
    });

    it('answers as Docker does when nothing was removed', async () => {
      await useElsewhere('web');
      expect(await prune('web')).to.deep.equal({ NetworksDeleted: null, Later: 1 });
    });

    it("does not take Docker's own network for the cluster's of that name", async () => {
      const [web] = fakes.docker.byName('web');
      fakes.docker.networks.delete(web!.id);
      fakes.docker.add({ name: 'web', driver: 'bridge' });
      await fakes.hear();
      expect(await prune('web')).to.deep.equal({ NetworksDeleted: ['web'], Later: 1 });
      expect(await fakes.names()).to.deep.equal(OURS);
    });

    it('removes one from the cluster of which nobody here has heard yet', async () => {
      await fakes.networks.create('new', { subnet: '10.0.9.0/24' });
      expect(await prune('new')).to.deep.equal({ NetworksDeleted: ['new'], Later: 1 });
      expect(await fakes.names()).to.deep.equal(OURS);
    });

    it('tells of none of ours while the store does not answer', async () => {
      const away = async () => Promise.reject(new AppError('unavailable', 'the store does not answer'));
      const adapter = createSocketplaneAdapter({
        ...fakes.options,
        carrier: { ...fakes.carrier, remove: away },
      });
      const { pre, post } = hooksOf('POST /networks/prune', null);
      await adapter.pre!(pre, CONTEXT);
      const reply = await adapter.post!(post(200, { NetworksDeleted: ['web', 'own'] }), CONTEXT);
      expect(reply).to.have.deep.nested.property('ModifiedServerResponse.Body', { NetworksDeleted: ['own'] });
      expect(fakes.held()).to.equal(0);
    });

    it('holds all names meanwhile, and lets go when Docker refuses', async () => {
      const { client } = await fakes.call('POST /networks/prune', undefined, async () => {
        expect(fakes.held()).to.equal(3);
        return { Code: 409, Body: { message: 'a prune operation is already running' } };
      });
      expect([client?.status, fakes.held()]).to.deep.equal([409, 0]);
    });

    it('lets go whatever order the hooks come in', async () => {
      const { pre, post, unwind } = hooksOf('POST /networks/prune', null);
      await fakes.adapter.post!(post(200, { NetworksDeleted: [] }), CONTEXT);
      await fakes.adapter.unwind!(unwind('client'), CONTEXT);
      await fakes.adapter.pre!(pre, CONTEXT);
      expect(fakes.held()).to.equal(0);
    });
  });

  describe('connect', () => {
    const CON = {
      ...{ id: ID, name: 'con', labels: {}, hostname: 'host', running: true, pid: 1 },
      ...{ nameServers: [], searchDomains: [], attached: [] },
    };
    const connect = (body: object, Code = 200) =>
      fakes.call(
        'POST /networks/web/connect',
        { Container: 'con', ...body },
        { Code, Body: Code === 200 ? undefined : { message: 'no' } },
      );
    beforeEach(() => void fakes.containers.set('con', CON));

    it('leases an address that stays the container’s', async () => {
      const { docker } = await connect({ EndpointConfig: { Aliases: ['x'], Later: 1 }, More: 2 });
      const [lease] = fakes.ipam.owned();
      expect(docker?.body).to.deep.equal({
        ...{ Container: 'con', More: 2 },
        EndpointConfig: {
          ...{ Aliases: ['x'], Later: 1 },
          IPAMConfig: { IPv4Address: lease?.ip },
          DriverOpts: { 'socketplane.address': 'kept' },
        },
      });
      expect(lease).to.deep.include({
        container: ID,
        kept: true,
        names: ['con', 'host', ID.slice(0, 12), 'x'],
      });
    });

    it('leaves the address to the user who chose one, and to Docker whether it is free', async () => {
      const config = (ip: string) => ({ EndpointConfig: { IPAMConfig: { IPv4Address: ip } } });
      expect((await connect(config('10.0.0.9'))).docker?.body).to.deep.equal({
        Container: 'con',
        ...config('10.0.0.9'),
      });
      const { ip } = await fakes.addresses.keep('web', { names: ['other'] });
      for (const wanted of [ip, '10.9.9.9'])
        expect((await connect(config(wanted))).docker?.body).to.deep.include(config(wanted));
      expect(fakes.leases()).to.deep.equal(['web  other']);
    });

    it('gives it back when Docker refuses, or the client has left', async () => {
      expect((await connect({}, 403)).client?.status).to.equal(403);
      expect(fakes.leases()).to.deep.equal([]);
      const { pre, unwind } = hooksOf('POST /networks/web/connect', { Container: 'con' });
      const running = fakes.adapter.pre!(pre, CONTEXT);
      await fakes.adapter.unwind!(unwind('client'), CONTEXT);
      await running;
      await tick();
      expect(fakes.leases()).to.deep.equal([]);
    });

    it('leaves to Docker what is not ours, not there, or connected already', async () => {
      const attached = [
        { network: 'web', networkId: '', endpoint: '', ip: '', mac: '', aliases: [], options: {} },
      ];
      const untouched = async (line: string, Container: string) => {
        const body = { Container };
        expect((await fakes.call(line, body, { Code: 404, Body: {} })).docker?.body).to.deep.equal(body);
      };
      await untouched('POST /networks/own/connect', 'con');
      await untouched('POST /networks/web/connect', 'nobody');
      fakes.containers.set('con', { ...CON, attached });
      await untouched('POST /networks/web/connect', 'con');
      fakes.containers.set('con', CON);
      const [web] = fakes.docker.byName('web');
      fakes.docker.networks.delete(web!.id);
      fakes.docker.add({ name: 'web', driver: 'bridge' });
      await fakes.hear();
      await untouched('POST /networks/web/connect', 'con');
      expect(fakes.leases()).to.deep.equal([]);
    });

    it('refuses a body that is none', async () => {
      expect((await fakes.call('POST /networks/web/connect', {})).client?.status).to.equal(400);
    });
  });

  it('has nothing to do with other calls', async () => {
    for (const line of [
      'GET /networks',
      'GET /networks/web',
      'POST /networks/web/disconnect',
      'POST /containers/con/start',
    ]) {
      const { refused, docker } = await fakes.call(
        line,
        line.startsWith('GET') ? undefined : { Container: 'con' },
      );
      expect([refused, docker === undefined]).to.deep.equal([undefined, false]);
    }
    expect(fakes.leases()).to.deep.equal([]);
  });
});
