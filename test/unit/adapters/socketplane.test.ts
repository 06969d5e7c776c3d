import { expect } from 'chai';
import { createSocketplaneAdapter } from '../../../adapters/socketplane/index.js';
import { adapterKit, type Answer, type Kit, type KitResult } from '../../../lib/adapter/testing.js';
import type { Connection } from '../../../lib/endpoints/attachments.js';
import type { Endpoints } from '../../../lib/endpoints/endpoints.js';
import { createIpam } from '../../../lib/ipam/ipam.js';
import { createNetworks } from '../../../lib/network/networks.js';
import { createMemoryStore } from '../../../lib/store/memory.js';

const ID = 'a'.repeat(64);
const UP: Connection = {
  container: ID,
  name: 'con',
  pid: 1,
  network: { id: 'web', subnet: '10.0.0.0/24', gateway: '10.0.0.1', vni: 1 },
  ip: '10.0.0.2',
  mac: '02:42:0a:00:00:02',
  state: 'up',
  nameServers: [],
};

describe('adapter socketplane', () => {
  let kit: Kit;
  afterEach(() => kit.close());

  async function setUp() {
    const store = createMemoryStore();
    const networks = createNetworks({
      store,
      hostRoutes: async () => [],
      foreignNames: async () => [],
    });
    await networks.recover();
    await networks.create('web', '10.0.0.0/24');
    const ipam = createIpam({ store, host: 'h1' });
    const calls: string[] = [];
    const note = (what: string) => async (reference: string) => void calls.push(`${what} ${reference}`);
    const endpoints = {
      starting: note('starting'),
      startFailed: note('startFailed'),
      started: note('started'),
      settle: note('settle'),
      removed: note('removed'),
      find: (id: string) => (id === ID ? UP : undefined),
    } as unknown as Endpoints;
    kit = await adapterKit(createSocketplaneAdapter({ networks, ipam, endpoints }));
    const create = (body: unknown, answer: Answer = { Code: 201, Body: { Id: '1' } }): Promise<KitResult> =>
      kit.call({ method: 'POST', path: '/v1.45/containers/create?name=con', body, docker: () => answer });
    /** A call that Docker answers like this, and what the client gets. */
    async function ask(line: string, Code: number, Body?: unknown): Promise<unknown> {
      const [method = '', path = ''] = line.split(' ');
      return (await kit.call({ method, path, docker: () => ({ Code, Body }) })).client?.body;
    }
    return { create, ask, calls, ipam, networks };
  }

  describe('create', () => {
    async function network(body: object): Promise<string | undefined> {
      const { create } = await setUp();
      const made = (await create(body)).docker?.body as {
        Labels?: Record<string, string>;
        HostConfig?: { NetworkMode?: string };
      };
      return made.HostConfig?.NetworkMode === 'none' ? made.Labels?.['socketplane.network'] : undefined;
    }
    const mode = (NetworkMode: string) => ({ HostConfig: { NetworkMode } });
    const choices: [string, object, string | undefined][] = [
      ['nothing named', mode('default'), 'default'],
      ['an empty mode', mode(''), 'default'],
      ['no HostConfig', {}, 'default'],
      ['the variable', { Env: ['A=b', 'SP_NETWORK=web'], ...mode('default') }, 'web'],
      ['the last of two variables', { Env: ['SP_NETWORK=nope', 'SP_NETWORK=web'] }, 'web'],
      ['an empty variable', { Env: ['SP_NETWORK='] }, 'default'],
      ['the label', { Labels: { 'socketplane.network': 'web' } }, 'web'],
      ['--network', mode('web'), 'web'],
      ['variable before --network', { Env: ['SP_NETWORK=web'], ...mode('proj_default') }, 'web'],
      ['host', mode('host'), undefined],
      ['bridge', mode('bridge'), undefined],
      ['container:x', mode('container:x'), undefined],
      ["one of Docker's", mode('proj_default'), undefined],
    ];
    for (const [what, body, expected] of choices) {
      it(`${what}: ${expected ?? 'left to Docker'}`, async () =>
        expect(await network(body)).to.equal(expected));
    }

    const refused: [object | undefined, RegExp][] = [
      [{ Env: ['SP_NETWORK=nope'] }, /network "nope" not found: .*network create nope/],
      [{ Env: ['SP_NETWORK=web'], ...mode('host') }, /contradicts --network host/],
      [{ Env: ['SP_NETWORK=web'], Labels: { 'socketplane.network': 'default' } }, /contradicts the label/],
      [{ Labels: { 'socketplane.network': 'web', 'socketplane.ip': '10.9.9.9' } }, /not in subnet/],
      [{ Env: 'SP_NETWORK=web' }, /the create call's Env is not valid/],
      [undefined, /the create call's body is not valid/],
    ];
    for (const [body, says] of refused) {
      it(`refuses ${JSON.stringify(body)}`, async () => {
        const { create } = await setUp();
        const { refused, client, docker } = await create(body);
        expect(refused).to.match(says);
        expect(client).to.deep.include({ status: 400, body: { message: `adapter adapter: ${refused}` } });
        expect(docker).to.equal(undefined);
      });
    }

    it('refuses an address that somebody has', async () => {
      const { create, ipam, networks } = await setUp();
      await ipam.acquire((await networks.find('web'))!, ID, { requested: '10.0.0.9' });
      const body = { Labels: { 'socketplane.network': 'web', 'socketplane.ip': '10.0.0.9' } };
      const { refused, client } = await create(body);
      expect(refused).to.match(/in use by container aaaaaaaaaaaa/);
      expect(client?.status).to.equal(409);
    });

    it('keeps aliases and name servers that were asked for, and has the gateway resolve names', async () => {
      const { create } = await setUp();
      const body = {
        HostConfig: { NetworkMode: 'web', Dns: ['9.9.9.9', '1.1.1.1'], DnsOptions: ['ndots:3'] },
        NetworkingConfig: { EndpointsConfig: { web: { Aliases: ['db', 'main'] } } },
      };
      expect((await create(body)).docker?.body).to.deep.equal({
        Labels: {
          'socketplane.network': 'web',
          'socketplane.aliases': 'db,main',
          'socketplane.dns': '9.9.9.9,1.1.1.1',
        },
        HostConfig: { NetworkMode: 'none', Dns: ['10.0.0.1'], DnsOptions: ['ndots:3'] },
        NetworkingConfig: {},
      });
      const bare = (await create({})).docker?.body as { HostConfig: object };
      expect(bare.HostConfig).to.include({ NetworkMode: 'none' });
    });

    const INEFFECTIVE = {
      MacAddress: '02:00:00:00:00:01',
      HostConfig: { NetworkMode: 'web', PortBindings: { '80/tcp': [{}] }, Links: ['a'] },
      NetworkingConfig: { EndpointsConfig: { web: { Aliases: ['x'] }, second: {} } },
    };
    it("adds a warning for each option without effect to Docker's own, and sends Docker none", async () => {
      const { create } = await setUp();
      const { docker, client } = await create(INEFFECTIVE, {
        Code: 201,
        Body: { Id: '1', Warnings: ['theirs'] },
      });
      expect((client?.body as { Warnings: string[] }).Warnings).to.deep.equal([
        'theirs',
        'SocketPlane network web ignores published ports (-p, -P)',
        'SocketPlane network web ignores links (--link)',
        'SocketPlane network web ignores a chosen MAC address (--mac-address)',
        'SocketPlane network web ignores further networks (second)',
      ]);
      expect(docker?.body).to.have.all.keys('HostConfig', 'NetworkingConfig', 'MacAddress', 'Labels');
      expect(
        (await create(INEFFECTIVE, { Code: 409, Body: { message: 'taken' } })).client?.body,
      ).to.deep.equal({
        message: 'taken',
      });
      expect((await create({}, { Code: 201, Body: { Id: '1', Warnings: null } })).client?.body).to.deep.equal(
        {
          Id: '1',
          Warnings: null,
        },
      );
    });
  });

  describe('life cycle and views', () => {
    it('follows start, restart and removal by what Docker answered', async () => {
      const { ask, calls } = await setUp();
      const seen: [string, number, string[]][] = [
        ['POST /containers/con/start', 204, ['starting con', 'started con']],
        ['POST /containers/con/start', 304, ['starting con', 'settle con']],
        ['POST /containers/con/start', 500, ['starting con', 'startFailed con']],
        ['POST /v1.41/containers/con/restart?t=1', 204, ['started con']],
        ['POST /containers/con/restart', 500, []],
        ['DELETE /containers/con?force=1', 204, ['removed con']],
        ['DELETE /containers/con', 409, []],
      ];
      for (const [line, code, expected] of seen) {
        await ask(line, code);
        expect(calls.splice(0), `${line}: ${code}`).to.deep.equal(expected);
      }
    });

    it('takes a start back when the client leaves before Docker has answered', async () => {
      const { calls } = await setUp();
      const leaves = new AbortController();
      const { unwinds } = await kit.call({
        method: 'POST',
        path: '/containers/con/start',
        signal: leaves.signal,
        docker: () => {
          leaves.abort();
          return new Promise(() => undefined);
        },
      });
      expect(unwinds.map(({ hook, reason }) => [hook, reason.By])).to.deep.equal([['pre-hook', 'client']]);
      expect(calls).to.deep.equal(['starting con', 'startFailed con']);
    });

    const labels = { 'socketplane.network': 'web' };
    it('shows in an inspection what the container has, and nothing while it does not run', async () => {
      const { ask } = await setUp();
      const inspect = (Running: boolean) =>
        ask('GET /containers/con/json', 200, {
          Id: ID,
          State: { Running },
          Config: { Labels: labels },
          HostConfig: { NetworkMode: 'none' },
          NetworkSettings: { IPAddress: '', Networks: { none: {} } },
        });
      const shown = (await inspect(true)) as Record<string, object>;
      expect(shown['HostConfig']).to.deep.equal({ NetworkMode: 'web' });
      expect(shown).to.nested.include({
        'NetworkSettings.IPAddress': '10.0.0.2',
        'NetworkSettings.Networks.web.IPAddress': '10.0.0.2',
        'NetworkSettings.Networks.web.IPPrefixLen': 24,
        'NetworkSettings.Networks.web.MacAddress': '02:42:0a:00:00:02',
        'NetworkSettings.Networks.web.Gateway': '10.0.0.1',
      });
      expect(await inspect(false)).to.nested.include({ 'NetworkSettings.Networks.web.IPAddress': '' });
    });

    it('shows the same in a list, and leaves the others as they are', async () => {
      const { ask } = await setUp();
      const others = { Id: 'b', State: 'running', Labels: {}, HostConfig: { NetworkMode: 'bridge' } };
      const ours = {
        Id: ID,
        State: 'running',
        Labels: labels,
        HostConfig: { NetworkMode: 'none' },
        NetworkSettings: { Networks: {} },
      };
      const [first, second] = (await ask('GET /containers/json?all=1', 200, [others, ours])) as object[];
      expect(first).to.deep.equal(others);
      expect(second).to.nested.include({
        'HostConfig.NetworkMode': 'web',
        'NetworkSettings.Networks.web.IPAddress': '10.0.0.2',
      });
    });
  });
});
