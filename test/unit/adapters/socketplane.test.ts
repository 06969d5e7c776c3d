import { expect } from 'chai';
import { createSocketplaneAdapter } from '../../../adapters/socketplane/index.js';
import { AppError } from '../../../lib/base/errors.js';
import { adapterOnFakes, CONTEXT, hooksOf, ID } from './socketplane-on-fakes.js';

type Fakes = Awaited<ReturnType<typeof adapterOnFakes>>;

interface Created {
  HostConfig?: { NetworkMode?: string; Dns?: string[] };
  NetworkingConfig: { EndpointsConfig: Record<string, Place> };
}
interface Place {
  IPAMConfig?: { IPv4Address?: string };
  DriverOpts?: Record<string, string>;
  Aliases?: string[];
  MacAddress?: string;
}

const MARK = { 'socketplane.address': 'kept' };
const mode = (NetworkMode: string, endpoints?: object) => ({
  HostConfig: { NetworkMode },
  ...(endpoints && { NetworkingConfig: { EndpointsConfig: endpoints } }),
});

describe('adapter socketplane: containers', () => {
  let fakes: Fakes;
  beforeEach(async () => (fakes = await adapterOnFakes()));
  afterEach(() => fakes.close());

  const created = async (body: object) => (await fakes.create(body)).docker?.body as Created;

  describe('the network', () => {
    const choices: [string, object, string | undefined][] = [
      ['nothing named', mode('default'), 'socketplane'],
      ['an empty mode', mode(''), 'socketplane'],
      ['no HostConfig', {}, 'socketplane'],
      ['the variable', { Env: ['A=b', 'SP_NETWORK=web'], ...mode('default') }, 'web'],
      ['the last of two variables', { Env: ['SP_NETWORK=nope', 'SP_NETWORK=web'] }, 'web'],
      ['`default` in the variable', { Env: ['SP_NETWORK=default'] }, 'socketplane'],
      ['an empty variable', { Env: ['SP_NETWORK='] }, 'socketplane'],
      ['the label', { Labels: { 'socketplane.network': 'web' } }, 'web'],
      ['--network', mode('web'), 'web'],
      ['--network socketplane', mode('socketplane'), 'socketplane'],
      [
        'variable before --network',
        { Env: ['SP_NETWORK=web'], ...mode('proj_default', { proj_default: {} }) },
        'web',
      ],
      ['settings without a mode', mode('default', { web: {} }), 'web'],
      ['host', mode('host'), undefined],
      ['none', mode('none'), undefined],
      ['bridge', mode('bridge'), undefined],
      ['container:x', mode('container:x'), undefined],
      ["one of Docker's", mode('proj_default', { proj_default: {} }), undefined],
      ["settings for one of Docker's, without a mode", mode('default', { proj_default: {} }), undefined],
      ['a network that is not known', mode('nope'), undefined],
      ['no network at all', { NetworkDisabled: true, ...mode('web', { web: {} }) }, undefined],
    ];
    for (const [what, body, expected] of choices) {
      it(`${what}: ${expected ?? 'left to Docker'}`, async () => {
        const sent = await created(body);
        if (expected === undefined) {
          expect(sent).to.deep.equal(body);
          return expect(fakes.leases()).to.deep.equal([]);
        }
        expect(sent.HostConfig?.NetworkMode).to.equal(expected);
        expect(sent.NetworkingConfig.EndpointsConfig).to.have.all.keys(expected);
        expect(fakes.leases()).to.deep.equal([`${expected} ccc con ${ID.slice(0, 12)}`]);
      });
    }

    it('is found by Docker’s id and its beginning too', async () => {
      const [web] = fakes.docker.byName('web');
      fakes.docker.networks.delete(web!.id);
      const id = `ab${'0'.repeat(62)}`;
      fakes.docker.networks.set(id, { ...web!, id });
      await fakes.hear();
      expect((await created(mode(id, { [id]: {} }))).HostConfig?.NetworkMode).to.equal(id);
      const short = await created(mode('ab00', { web: { Aliases: ['x'] } }));
      expect(short.HostConfig?.NetworkMode).to.equal('web');
      expect(short.NetworkingConfig.EndpointsConfig).to.have.all.keys('web');
      expect(short.NetworkingConfig.EndpointsConfig['web']?.Aliases).to.deep.equal(['x']);
    });

    it('may be one that a moment ago another host made, once Docker has it', async () => {
      await fakes.networks.create('new', { subnet: '10.0.9.0/24' });
      const making = created(mode('new'));
      setTimeout(() => void fakes.hear(), 50);
      expect((await making).HostConfig?.NetworkMode).to.equal('new');
    });

    it("is Docker's own where that has one of the name", async () => {
      const [web] = fakes.docker.byName('web');
      fakes.docker.networks.delete(web!.id);
      fakes.docker.add({ name: 'web', driver: 'bridge' });
      await fakes.hear();
      expect(await created(mode('web', { web: {} }))).to.deep.equal(mode('web', { web: {} }));
      const { refused, client } = await fakes.create({ Env: ['SP_NETWORK=web'] });
      expect(refused).to.match(/Docker has a network web of its own/);
      expect(client?.status).to.equal(503);
      expect(fakes.leases()).to.deep.equal([]);
    });

    const refused: [object | undefined, RegExp][] = [
      [{ Env: ['SP_NETWORK=nope'] }, /network "nope" not found: .*network create nope/],
      [{ Env: ['SP_NETWORK=web'], ...mode('host') }, /contradicts --network host/],
      [{ Env: ['SP_NETWORK=web'], Labels: { 'socketplane.network': 'default' } }, /contradicts the label/],
      [{ Env: 'SP_NETWORK=web' }, /the create call's Env is not valid/],
      [undefined, /the create call's body is not valid/],
    ];
    for (const [body, says] of refused) {
      it(`refuses ${JSON.stringify(body)}`, async () => {
        const { refused: text, client, docker } = await fakes.create(body);
        expect(text).to.match(says);
        expect(client).to.deep.include({ status: 400, body: { message: `adapter adapter: ${text}` } });
        expect(docker).to.equal(undefined);
        expect(fakes.leases()).to.deep.equal([]);
      });
    }

    it('answers 400, not 404, for a network that is just gone: on a 404 `docker` pulls the image', async () => {
      // Another host has removed it.
      await fakes.elsewhere.remove('db');
      const { client } = await fakes.create(mode('db'));
      expect(client?.status).to.equal(400);
      expect(client?.body)
        .to.have.property('message')
        .that.matches(/network "db" not found/);
    });
  });

  describe('the address', () => {
    it('stays the container’s, and Docker asks for it at each start', async () => {
      const sent = await created(mode('web'));
      const { IPAMConfig, DriverOpts } = sent.NetworkingConfig.EndpointsConfig['web']!;
      expect(IPAMConfig?.IPv4Address).to.equal(fakes.ipam.owned()[0]?.ip);
      expect(DriverOpts).to.deep.equal(MARK);
      expect(fakes.ipam.owned()[0]).to.deep.include({ kept: true, container: ID });
    });

    it('is the one that was asked for, by --ip or label, and then not leased', async () => {
      const wanted = { IPAMConfig: { IPv4Address: '10.0.0.9' } };
      const byOption = await created(mode('web', { web: wanted }));
      expect(byOption.NetworkingConfig.EndpointsConfig).to.deep.equal({ web: wanted });
      const byLabel = await created({ Labels: { 'socketplane.ip': '10.0.0.9' }, ...mode('web') });
      expect(byLabel.NetworkingConfig.EndpointsConfig).to.deep.equal({ web: wanted });
      expect(fakes.leases()).to.deep.equal([]);
      const both = await fakes.create({
        Labels: { 'socketplane.ip': '10.0.0.8' },
        ...mode('web', { web: wanted }),
      });
      expect(both.refused).to.match(/--ip 10\.0\.0\.9 contradicts the label/);
    });

    it('is none that was asked for, though its container does not run yet', async () => {
      await created(mode('web', { web: { IPAMConfig: { IPv4Address: '10.0.0.2' } } }));
      await created(mode('web'));
      expect(fakes.ipam.owned().map(({ ip }) => ip)).to.deep.equal(['10.0.0.3']);
    });

    it('is for Docker to refuse, at the start, when another container has it or the network has not', async () => {
      const { ip } = await fakes.addresses.keep('web', { container: 'f'.repeat(64), names: ['other'] });
      for (const IPv4Address of [ip, '10.9.9.9']) {
        const wanted = { web: { IPAMConfig: { IPv4Address } } };
        expect((await created(mode('web', wanted))).NetworkingConfig.EndpointsConfig).to.deep.equal(wanted);
      }
      expect(fakes.leases()).to.deep.equal(['web fff other']);
    });

    it('is not copied with the settings of another container', async () => {
      const first = await fakes.addresses.keep('web', { container: 'f'.repeat(64), names: ['first'] });
      const tail = first.ip
        .split('.')
        .map((part) => Number(part).toString(16).padStart(2, '0'))
        .join(':');
      const copied = {
        IPAMConfig: { IPv4Address: first.ip },
        DriverOpts: { ...MARK, own: 'x' },
        MacAddress: `02:42:${tail.toUpperCase()}`,
      };
      const { web } = (await created(mode('web', { web: copied }))).NetworkingConfig.EndpointsConfig;
      expect(web?.IPAMConfig?.IPv4Address).to.not.equal(first.ip);
      expect([web?.DriverOpts, web?.MacAddress]).to.deep.equal([{ own: 'x', ...MARK }, '']);
      const chosen = await created(mode('web', { web: { ...copied, MacAddress: '02:00:00:00:00:01' } }));
      expect(chosen.NetworkingConfig.EndpointsConfig['web']?.MacAddress).to.equal('02:00:00:00:00:01');
      const own = { IPAMConfig: { IPv4Address: '10.0.0.77' }, DriverOpts: { own: 'x' } };
      expect(
        (await created(mode('web', { web: own }))).NetworkingConfig.EndpointsConfig['web'],
      ).to.deep.equal(own);
    });
  });

  it('keeps what it does not know, aliases and name servers, and has the gateway asked first', async () => {
    const body = {
      Image: 'busybox',
      HostConfig: {
        NetworkMode: 'web',
        Dns: ['9.9.9.9', '10.0.1.1', '10.0.0.1', '1.1.1.1'],
        DnsOptions: ['ndots:3'],
        Later: 1,
      },
      NetworkingConfig: { EndpointsConfig: { web: { Aliases: ['db', 'main'], Later: 2 } }, Later: 3 },
    };
    const sent = await created(body);
    expect(sent).to.deep.include({ Image: 'busybox' });
    expect(sent.HostConfig).to.deep.equal({
      NetworkMode: 'web',
      Dns: ['10.0.0.1', '9.9.9.9', '1.1.1.1'],
      DnsOptions: ['ndots:3'],
      Later: 1,
    });
    expect(sent.NetworkingConfig).to.have.property('Later', 3);
    expect(sent.NetworkingConfig.EndpointsConfig['web']).to.deep.include({
      Aliases: ['db', 'main'],
      Later: 2,
    });
    expect(fakes.leases()).to.deep.equal([`web ccc con ${ID.slice(0, 12)} db main`]);
    expect((await created({})).HostConfig?.Dns).to.have.length(1);
  });

  it('puts a container on several networks, whoever they belong to', async () => {
    const sent = await created(mode('web', { web: { Aliases: ['x'] }, db: null, own: { Aliases: ['y'] } }));
    const { web, db, own } = sent.NetworkingConfig.EndpointsConfig;
    expect([web?.DriverOpts, db?.DriverOpts, own]).to.deep.equal([MARK, MARK, { Aliases: ['y'] }]);
    expect(fakes.leases()).to.have.length(2);
    const foreign = await created(mode('own', { own: {}, db: {} }));
    expect(foreign.HostConfig).to.deep.equal({ NetworkMode: 'own' });
    expect(foreign.NetworkingConfig.EndpointsConfig['db']?.DriverOpts).to.deep.equal(MARK);
  });

  it('leaves a container off the network of its mode that has settings for other networks alone', async () => {
    const sent = await created(mode('web', { db: { Aliases: ['x'] }, own: {} }));
    const { db, ...others } = sent.NetworkingConfig.EndpointsConfig;
    expect([db?.Aliases, db?.DriverOpts, others]).to.deep.equal([['x'], MARK, { own: {} }]);
    expect(sent.HostConfig, 'the gateway of one that it is on').to.deep.equal({
      NetworkMode: 'web',
      Dns: ['10.0.1.1'],
    });
    expect(fakes.leases()).to.deep.equal([`db ccc con ${ID.slice(0, 12)} x`]);
    const foreign = mode('web', { own: {} });
    expect(await created(foreign)).to.deep.equal(foreign);
  });

  it('means one network by two names of it', async () => {
    const [web] = fakes.docker.byName('web');
    fakes.docker.networks.set('abc', { ...web!, id: 'abc' });
    fakes.docker.networks.delete(web!.id);
    await fakes.hear();
    const sent = await created(mode('web', { abc: { Aliases: ['x'] }, db: {} }));
    expect(sent.NetworkingConfig.EndpointsConfig).to.have.all.keys('web', 'db');
    expect(sent.NetworkingConfig.EndpointsConfig['web']?.Aliases).to.deep.equal(['x']);
  });

  describe('gives back what it leased', () => {
    it('when Docker refuses the call', async () => {
      const { client, unwinds } = await fakes.create(mode('web', { web: {}, db: {} }), {
        Code: 409,
        Body: { message: 'no' },
      });
      expect([client?.status, unwinds.length, fakes.leases()]).to.deep.equal([409, 1, []]);
    });

    it('when the second of two networks has no address left', async () => {
      await fakes.networks.create('tiny', { subnet: '10.0.2.0/30' });
      await fakes.hear();
      await fakes.addresses.keep('tiny', { container: ID, names: ['other'] });
      const { client } = await fakes.create(mode('web', { web: {}, tiny: {} }));
      expect(client?.status).to.equal(409);
      expect(fakes.leases()).to.deep.equal(['tiny ccc other']);
    });

    it('when the client leaves while the hook runs', async () => {
      const { pre, unwind } = hooksOf('POST /containers/create?name=con', mode('web'));
      const running = fakes.adapter.pre!(pre, CONTEXT);
      await fakes.adapter.unwind!(unwind('client'), CONTEXT);
      await running;
      await new Promise(setImmediate);
      expect(fakes.leases()).to.deep.equal([]);
    });

    it('when it could not be written whose they are', async () => {
      const adapter = createSocketplaneAdapter({
        ...fakes.options,
        addresses: {
          ...fakes.addresses,
          assign: async () => Promise.reject(new AppError('unavailable', 'the store is away')),
        },
      });
      const { pre, post, unwind } = hooksOf('POST /containers/create?name=con', mode('web'));
      await adapter.pre!(pre, CONTEXT);
      const failed = await Promise.resolve(adapter.post!(post(201, { Id: ID }), CONTEXT)).catch(
        (error: unknown) => error,
      );
      expect(failed).to.have.property('message', 'the store is away');
      await adapter.unwind!(unwind('adapter', 503), CONTEXT);
      expect(fakes.leases()).to.deep.equal([]);
    });

    it('but nothing that a container has, when the call fails later', async () => {
      const { pre, post, unwind } = hooksOf('POST /containers/create?name=con', mode('web'));
      await fakes.adapter.pre!(pre, CONTEXT);
      await fakes.adapter.post!(post(201, { Id: ID }), CONTEXT);
      await fakes.adapter.unwind!(unwind('client'), CONTEXT);
      await fakes.adapter.unwind!(unwind('client'), CONTEXT);
      expect(fakes.leases()).to.have.length(1);
    });
  });

  it('does nothing in a post-hook of a call that it has not seen', async () => {
    const { post } = hooksOf('POST /containers/create?name=con', mode('web'));
    for (const answer of [{ Id: ID }, null, { Id: 7 }])
      expect(await fakes.adapter.post!(post(201, answer), CONTEXT)).to.equal(undefined);
    expect(fakes.leases()).to.deep.equal([]);
  });

  it("leaves Docker's own networks usable while the store does not answer", async () => {
    const away = async () => Promise.reject(new AppError('unavailable', 'the store does not answer'));
    const adapter = createSocketplaneAdapter({
      ...fakes.options,
      networks: { find: away, heard: () => [], get: away },
    });
    fakes.docker.add({ name: 'own', driver: 'bridge' });
    const { pre } = hooksOf('POST /containers/create', mode('own', { own: {} }));
    expect(await adapter.pre!(pre, CONTEXT)).to.equal(undefined);
    const other = hooksOf('POST /containers/create', mode('nope'));
    const failed = await Promise.resolve(adapter.pre!(other.pre, CONTEXT)).catch((error: unknown) => error);
    expect(failed).to.deep.include({ message: 'the store does not answer', status: 503 });
  });
});
