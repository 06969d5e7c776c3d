import { expect } from 'chai';
import { createSocketplaneAdapter } from '../../../adapters/socketplane/index.js';
import { routeOf } from '../../../adapters/socketplane/route.js';
import type { ClientRequest, PostHookReply, PreHookReply } from '../../../lib/hook/v1.js';
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
  const adapter = createSocketplaneAdapter({ networks, ipam, endpoints });
  const pre = async (Method: string, Request: string, Body?: string): Promise<ClientRequest> => {
    const call = {
      PowerstripProtocolVersion: 1,
      Type: 'pre-hook',
      ClientRequest: { Method, Request, Body },
    } as const;
    return ((await adapter(call)) as PreHookReply).ModifiedClientRequest;
  };
  const post = async (request: ClientRequest, Code: number, Body: string | null = null) => {
    const ServerResponse = { ContentType: 'application/json', Body, Code };
    const call = {
      PowerstripProtocolVersion: 1,
      Type: 'post-hook',
      ClientRequest: request,
      ServerResponse,
    } as const;
    return ((await adapter(call)) as PostHookReply).ModifiedServerResponse;
  };
  return { pre, post, calls, ipam, networks };
}

describe('adapter socketplane, create', () => {
  const CREATE = '/v1.45/containers/create?name=con';
  async function network(body: object): Promise<string | undefined> {
    const { pre } = await setUp();
    const { Body } = await pre('POST', CREATE, JSON.stringify(body));
    const made = JSON.parse(Body ?? '') as {
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

  it('leaves a body that is not ours exactly as it was', async () => {
    const { pre } = await setUp();
    const body = '{ "HostConfig" : {"NetworkMode":"host"},\n "Image":"x" }';
    expect((await pre('POST', CREATE, body)).Body).to.equal(body);
  });

  it('changes only what it has to', async () => {
    const { pre } = await setUp();
    const body =
      '{"Image":"x","Unknown":9007199254740993,"Labels":{"b":"1","a":"2"},"HostConfig":{"2":1,"1":2,"NetworkMode":"web","Memory":1e3},' +
      '"NetworkingConfig":{"EndpointsConfig":{"web":{"IPAMConfig":{"IPv4Address":"10.0.0.9"}}}}}';
    expect((await pre('POST', CREATE, body)).Body).to.equal(
      '{"Image":"x","Unknown":9007199254740993,"Labels":{"b":"1","a":"2","socketplane.network":"web","socketplane.ip":"10.0.0.9"},' +
        '"HostConfig":{"2":1,"1":2,"NetworkMode":"none","Memory":1e3,"Dns":["10.0.0.1"],"DnsOptions":["ndots:0"]},"NetworkingConfig":{}}',
    );
  });

  const refused: [object | string, RegExp][] = [
    [{ Env: ['SP_NETWORK=nope'] }, /network "nope" not found: .*network create nope/],
    [{ Env: ['SP_NETWORK=web'], ...mode('host') }, /contradicts --network host/],
    [{ Env: ['SP_NETWORK=web'], Labels: { 'socketplane.network': 'default' } }, /contradicts the label/],
    [{ Labels: { 'socketplane.network': 'web', 'socketplane.ip': '10.9.9.9' } }, /not in subnet/],
    [{ Env: 'SP_NETWORK=web' }, /the create call's Env is not valid/],
    ['{"Image":', /not valid JSON/],
    ['', /not valid JSON/],
    ['['.repeat(100_000), /nested too deeply|not valid JSON/],
  ];
  for (const [body, says] of refused) {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    it(`refuses ${text.slice(0, 70)}`, async () => {
      const { pre } = await setUp();
      const error = await pre('POST', CREATE, text).catch((thrown: unknown) => thrown as Error);
      expect((error as Error).message).to.match(says);
    });
  }

  it('refuses an address that somebody has', async () => {
    const { pre, ipam, networks } = await setUp();
    await ipam.acquire((await networks.find('web'))!, ID, { requested: '10.0.0.9' });
    const body = { Labels: { 'socketplane.network': 'web', 'socketplane.ip': '10.0.0.9' } };
    const error = await pre('POST', CREATE, JSON.stringify(body)).catch((thrown: unknown) => thrown as Error);
    expect((error as Error).message).to.match(/in use by container aaaaaaaaaaaa/);
  });

  it('keeps names and name servers that were asked for, and lets names be asked of the gateway', async () => {
    const { pre } = await setUp();
    const body = {
      HostConfig: { NetworkMode: 'web', Dns: ['9.9.9.9', '1.1.1.1'], DnsOptions: ['ndots:3'] },
      NetworkingConfig: { EndpointsConfig: { web: { Aliases: ['db', 'main'] } } },
    };
    const changed = JSON.parse((await pre('POST', CREATE, JSON.stringify(body))).Body ?? '') as object;
    expect(changed).to.deep.include({
      Labels: {
        'socketplane.network': 'web',
        'socketplane.aliases': 'db,main',
        'socketplane.dns': '9.9.9.9,1.1.1.1',
      },
      HostConfig: { NetworkMode: 'none', Dns: ['10.0.0.1'], DnsOptions: ['ndots:3'] },
    });
    const bare = JSON.parse((await pre('POST', CREATE, '{}')).Body ?? '') as { HostConfig: object };
    expect(bare.HostConfig).to.include({ NetworkMode: 'none' });
  });

  it('adds a warning for each option without effect to those of Docker', async () => {
    const { pre, post } = await setUp();
    const request = await pre(
      'POST',
      CREATE,
      JSON.stringify({
        MacAddress: '02:00:00:00:00:01',
        HostConfig: { NetworkMode: 'web', PortBindings: { '80/tcp': [{}] }, Links: ['a'] },
        NetworkingConfig: { EndpointsConfig: { web: { Aliases: ['x'] }, second: {} } },
      }),
    );
    const { Body } = await post(request, 201, '{"Id":"1","Warnings":["theirs"]}');
    expect((JSON.parse(Body ?? '') as { Warnings: string[] }).Warnings).to.deep.equal([
      'theirs',
      'SocketPlane network web ignores published ports (-p, -P)',
      'SocketPlane network web ignores links (--link)',
      'SocketPlane network web ignores a chosen MAC address (--mac-address)',
      'SocketPlane network web ignores further networks (second)',
    ]);
    expect((await post(request, 409, '{"message":"taken"}')).Body).to.equal('{"message":"taken"}');
  });
});

describe('adapter socketplane, life cycle and views', () => {
  it('follows start, restart and removal by what Docker answered', async () => {
    const { pre, post, calls } = await setUp();
    const start = await pre('POST', '/containers/con/start');
    for (const code of [204, 304, 500]) await post(start, code);
    await post({ Method: 'POST', Request: '/v1.41/containers/con/restart?t=1' }, 204);
    await post({ Method: 'DELETE', Request: '/containers/con?force=1' }, 204);
    await post({ Method: 'DELETE', Request: '/containers/con' }, 409);
    expect(calls).to.deep.equal([
      'starting con',
      'started con',
      'settle con',
      'startFailed con',
      'started con',
      'removed con',
    ]);
  });

  const labels = { 'socketplane.network': 'web' };
  it('shows in an inspection what the container has, and nothing while it does not run', async () => {
    const { post } = await setUp();
    const request = { Method: 'GET', Request: '/containers/con/json' };
    const body = (Running: boolean) =>
      JSON.stringify({
        Id: ID,
        State: { Running },
        Config: { Labels: labels },
        HostConfig: { NetworkMode: 'none' },
        NetworkSettings: { IPAddress: '', Networks: { none: {} } },
      });
    const shown = JSON.parse((await post(request, 200, body(true))).Body ?? '') as Record<string, object>;
    expect(shown['HostConfig']).to.deep.equal({ NetworkMode: 'web' });
    expect(shown).to.nested.include({
      'NetworkSettings.IPAddress': '10.0.0.2',
      'NetworkSettings.Networks.web.IPAddress': '10.0.0.2',
      'NetworkSettings.Networks.web.IPPrefixLen': 24,
      'NetworkSettings.Networks.web.MacAddress': '02:42:0a:00:00:02',
      'NetworkSettings.Networks.web.Gateway': '10.0.0.1',
    });
    const stopped = JSON.parse((await post(request, 200, body(false))).Body ?? '') as object;
    expect(stopped).to.nested.include({ 'NetworkSettings.Networks.web.IPAddress': '' });
  });

  it('shows the same in a list, and leaves the others as they are', async () => {
    const { post } = await setUp();
    const others =
      '{"Id":"b","State":"running","Labels":{},"HostConfig":{"NetworkMode":"bridge"},"SizeRw":9007199254740993}';
    const ours = JSON.stringify({
      Id: ID,
      State: 'running',
      Labels: labels,
      HostConfig: { NetworkMode: 'none' },
      NetworkSettings: { Networks: {} },
    });
    const { Body } = await post(
      { Method: 'GET', Request: '/containers/json?all=1' },
      200,
      `[${others},${ours}]`,
    );
    expect(Body?.startsWith(`[${others},`)).to.equal(true);
    expect((JSON.parse(Body ?? '') as object[])[1]).to.nested.include({
      'HostConfig.NetworkMode': 'web',
      'NetworkSettings.Networks.web.IPAddress': '10.0.0.2',
    });
  });

  it('knows its calls in every spelling', () => {
    expect(routeOf('POST', '/v1.41/containers/a%2Fb/start')).to.deep.equal({
      call: 'start',
      reference: 'a/b',
    });
    expect(routeOf('GET', '/containers/json?all=1')).to.deep.equal({ call: 'list' });
    expect(routeOf('GET', '/v1.24/containers/x/json')).to.deep.equal({ call: 'inspect', reference: 'x' });
    expect(routeOf('POST', '/containers/x/%zz')).to.equal(undefined);
    expect(routeOf('GET', '/images/json')).to.equal(undefined);
  });
});
