import { expect } from 'chai';
import { dockerNetworksCheck } from '../../../lib/doctor/checks/docker/networks.js';
import { oldContainersCheck } from '../../../lib/doctor/checks/docker/old-containers.js';
import { staleEndpointsCheck } from '../../../lib/doctor/checks/docker/stale-endpoints.js';
import { swarmCheck } from '../../../lib/doctor/checks/docker/swarm.js';
import { dockerVersionCheck } from '../../../lib/doctor/checks/docker/version.js';
import type { Check } from '../../../lib/doctor/check.js';
import { applyFixes, examine } from '../../../lib/doctor/examine.js';

const [MINE, GONE] = ['a'.repeat(64), 'b'.repeat(64)];
const said = async (check: Check) =>
  (await check.inspect()).map(({ level, message }) => `${level}: ${message}`);
const advised = async (check: Check) => (await check.inspect()).map(({ advice }) => advice);

/** A Docker that answers these calls, and no other. */
const dockerWith =
  (answers: Record<string, unknown>) =>
  async (path: string): Promise<unknown> => {
    if (!(path in answers)) throw new Error(`Docker was asked for ${path}`);
    return answers[path];
  };

describe('doctor, about Docker', () => {
  it('knows the versions that a driver of networks ends', async () => {
    const at = (Version: string) => dockerVersionCheck(dockerWith({ '/version': { Version } }));
    for (const version of ['20.10.24+dfsg1', '28.5.2', '29.0.3', '29.0.10', '29.1.0', '129.0.1'])
      expect(await said(at(version))).to.deep.equal([`ok: ${version}`]);
    for (const version of ['29.0.0', '29.0.1', '29.0.2']) {
      const [found, ...more] = await said(at(version));
      expect(found).to.match(new RegExp(`^problem: ${version.replaceAll('.', '\\.')} ends when a container`));
      expect(more).to.deep.equal([]);
    }
    expect(await advised(at('29.0.0'))).to.deep.equal(['update Docker to 29.0.3 or later']);
  });

  it('warns of Swarm mode alone', async () => {
    const at = (Swarm: unknown) => said(swarmCheck(dockerWith({ '/info': { Swarm } })));
    for (const swarm of [undefined, null, { LocalNodeState: 'inactive' }, { LocalNodeState: '' }])
      expect(await at(swarm)).to.deep.equal(['ok: Docker is not in Swarm mode']);
    const [found] = await at({ LocalNodeState: 'active' });
    expect(found).to.match(/^warning: Docker is in Swarm mode/);
  });

  describe('networks', () => {
    const OURS = { Driver: 'socketplane', IPAM: { Driver: 'socketplane' } };
    const OWN = { Driver: 'bridge', IPAM: { Driver: 'default' } };
    function checkOf(there: object[], wanted: string[], converge = async (): Promise<unknown> => undefined) {
      return dockerNetworksCheck({
        ask: dockerWith({ '/networks': there }),
        wanted: async () => wanted,
        converge,
      });
    }

    it('are all there, whatever else Docker has', async () => {
      const there = [
        { Name: 'web', ...OURS },
        { Name: 'db', ...OURS },
        { Name: 'bridge', ...OWN },
        { Name: 'none', Driver: 'null', IPAM: null },
      ];
      expect(await said(checkOf(there, ['web', 'db']))).to.deep.equal(['ok: Docker has all 2']);
    });

    it('that are missing are made by the agent', async () => {
      const there: object[] = [{ Name: 'web', ...OURS }];
      const check = checkOf(there, ['web', 'db'], async () => there.push({ Name: 'db', ...OURS }));
      const found = await examine([check]);
      expect(found.map(({ level, message }) => `${level}: ${message}`)).to.deep.equal([
        'problem: db is missing in Docker',
      ]);
      await applyFixes(found);
      expect(await said(check)).to.deep.equal(['ok: Docker has all 2']);
    });

    it("of Docker's own are in the way only where the cluster has one of the name", async () => {
      const check = checkOf(
        [
          { Name: 'web', ...OWN },
          { Name: 'own', ...OWN },
        ],
        ['web'],
      );
      expect(await said(check)).to.deep.equal([
        "problem: web is a network of Docker's own (driver bridge) on this host",
      ]);
      expect(await advised(check)).to.deep.equal(["docker network rm web: SocketPlane's takes its place"]);
    });

    it("of ours stay the cluster's beside one of Docker's own with the name, whichever comes first", async () => {
      const both = [
        { Name: 'web', ...OWN },
        { Name: 'web', ...OURS },
      ];
      for (const there of [both, both.toReversed()])
        expect(await said(checkOf(there, ['web']))).to.deep.equal([
          "problem: web is a network of Docker's own (driver bridge) on this host",
        ]);
    });

    it('with addresses of another IPAM driver are not safe, in the cluster or not', async () => {
      const there = [
        { Name: 'raw', Driver: 'socketplane', IPAM: { Driver: 'default' } },
        { Name: 'bare', Driver: 'socketplane', IPAM: null },
      ];
      const check = checkOf(there, []);
      expect((await said(check)).map((line) => line.split(' takes')[0])).to.deep.equal([
        'problem: raw',
        'problem: bare',
      ]);
      expect(await advised(check)).to.deep.equal([
        'docker network rm raw, and make it with --ipam-driver socketplane',
        'docker network rm bare, and make it with --ipam-driver socketplane',
      ]);
      expect(
        (await examine([check])).map(({ fix }) => fix),
        'only people can',
      ).to.deep.equal([undefined, undefined]);
    });
  });

  it('finds endpoints that Docker kept, on networks of ours alone', async () => {
    const on = (...containers: [id: string, name: string][]) => ({
      Containers: Object.fromEntries(containers.map(([id, Name]) => [id, { Name }])),
    });
    const answers: Record<string, unknown> = {
      '/networks': [
        { Id: 'n1', Name: 'web', Driver: 'socketplane' },
        { Id: 'n2', Name: 'db', Driver: 'socketplane' },
        { Id: 'n3', Name: 'own', Driver: 'bridge' },
      ],
      '/networks/n1': on([MINE, 'con1'], [GONE, 'con2'], [`ep-${'e'.repeat(64)}`, 'con3']),
      '/networks/n2': { Containers: null },
    };
    const check = staleEndpointsCheck({ ask: dockerWith(answers), containers: async () => new Set([MINE]) });
    expect(await said(check)).to.deep.equal([
      'problem: Docker has kept an endpoint of con2 on web, which nothing uses',
      'problem: Docker has kept an endpoint of con3 on web, which nothing uses',
    ]);
    expect(await advised(check)).to.deep.equal([
      'docker network disconnect -f web con2',
      'docker network disconnect -f web con3',
    ]);
    answers['/networks/n1'] = on([MINE, 'con1']);
    expect(await said(check)).to.deep.equal(['ok: each has its container']);
  });

  it('finds containers of earlier versions, which have no network', async () => {
    const container = (name: string, NetworkMode: string) => ({
      ...{ Names: [`/${name}`], Labels: { 'socketplane.network': 'web' } },
      HostConfig: { NetworkMode },
    });
    const asked = (all: object[]) =>
      oldContainersCheck(async (path) => {
        const { pathname, searchParams } = new URL(path, 'http://docker');
        const query = [pathname, searchParams.get('all'), searchParams.get('filters')];
        expect(query).to.deep.equal(['/containers/json', '1', '{"label":["socketplane.network"]}']);
        return all;
      });
    const check = asked([container('old', 'none'), container('new', 'web')]);
    expect(await said(check)).to.deep.equal([
      'warning: old is labelled for network web and has none: made by an earlier SocketPlane, or past the proxy with --network none',
    ]);
    expect(await advised(check)).to.deep.equal(['remove old and make it again, through the proxy']);
    for (const all of [[], [container('new', 'web')], [{ Names: null, Labels: null, HostConfig: {} }]])
      expect(await said(asked(all))).to.deep.equal(['ok: none that has no network of Docker']);
  });
});
