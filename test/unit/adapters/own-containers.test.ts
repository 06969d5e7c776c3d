import http from 'node:http';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import ownContainers from '../../../adapters/own-containers/index.js';
import { adapterKit, type Kit } from '../../../lib/adapter/testing.js';

const [PROXY, AGENT, OTHER] = ['a', 'b', 'c'].map((digit) => digit.repeat(64)) as [string, string, string];
const NAMES: Record<string, { name: string; part?: string }> = {
  [PROXY]: { name: 'powerstrip', part: 'proxy' },
  [AGENT]: { name: 'socketplane', part: 'agent' },
  [OTHER]: { name: 'web' },
};

describe("the adapter that keeps SocketPlane's own containers", () => {
  let directory: string;
  let docker: http.Server;
  let kit: Kit;
  /** Ids of containers that do not run. */
  let stopped: string[];

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'own-test-'));
    stopped = [];
    docker = http.createServer((req, res) => {
      const path = decodeURIComponent(req.url ?? '');
      if (path.startsWith('/containers/json')) {
        expect(path).to.include('"label":["socketplane.part"]').and.include('"exited"');
        res.end(JSON.stringify(stopped.map((id) => ({ Names: [`/${NAMES[id]!.name}`] }))));
        return;
      }
      const [, reference = ''] = /^\/containers\/(.+)\/json$/.exec(path) ?? [];
      const [, found] =
        Object.entries(NAMES).find(([id, { name }]) => name === reference || id.startsWith(reference)) ?? [];
      res.statusCode = found ? 200 : 404;
      const Labels = found?.part ? { 'socketplane.part': found.part } : null;
      res.end(JSON.stringify(found ? { Name: `/${found.name}`, Config: { Labels } } : { message: 'no' }));
    });
    docker.listen(join(directory, 'docker.sock'));
    await once(docker, 'listening');
    const options = { docker: join(directory, 'docker.sock') };
    kit = await adapterKit(ownContainers, { options, onFailure: 'ignore' });
  });
  afterEach(async () => {
    await kit.close();
    docker.close();
    docker.closeAllConnections();
    rmSync(directory, { recursive: true });
  });

  /** What the client is told; undefined when the call went to Docker as it was. */
  async function refusal(method: string, path: string): Promise<string | undefined> {
    const { docker: asked, refused, client } = await kit.call({ method, path });
    if (refused === undefined) expect(asked?.path).to.equal(path);
    else expect(client?.status).to.equal(409);
    return refused;
  }

  for (const [method, call, way] of [
    ['POST', 'stop?t=3', 'agent stop'],
    ['POST', 'kill', 'agent stop'],
    ['POST', 'kill?signal=KILL', 'agent stop'],
    ['POST', 'pause', 'agent stop'],
    ['POST', 'restart', 'agent restart'],
    ['DELETE', '?force=1&v=1', 'uninstall'],
  ] as const) {
    it(`refuses ${method} ${call} of the proxy, and names the way`, async () => {
      for (const reference of ['powerstrip', PROXY, PROXY.slice(0, 12)]) {
        const path = `/v1.41/containers/${reference}${call.startsWith('?') ? call : `/${call}`}`;
        expect(await refusal(method, path)).to.match(
          new RegExp(
            `^container powerstrip is SocketPlane's own: \`socketplane ${way}\` .*docker -H unix:///`,
          ),
        );
      }
    });
  }

  it('refuses the same for the agent, except a restart, which it survives', async () => {
    expect(await refusal('DELETE', '/containers/socketplane?force=1')).to.match(/socketplane uninstall/);
    expect(await refusal('POST', '/containers/socketplane/stop')).to.match(/agent stop/);
    expect(await refusal('POST', '/containers/socketplane/rename?name=x')).to.match(/found by its name/);
    expect(await refusal('POST', '/containers/socketplane/restart')).to.equal(undefined);
  });

  it('lets the proxy be told to read its settings again', async () => {
    for (const signal of ['HUP', 'SIGHUP', '1'])
      expect(await refusal('POST', `/containers/powerstrip/kill?signal=${signal}`)).to.equal(undefined);
  });

  it('leaves all other containers alone, also such as do not exist', async () => {
    for (const reference of ['web', OTHER, 'nobody']) {
      expect(await refusal('DELETE', `/containers/${reference}?force=1`)).to.equal(undefined);
      expect(await refusal('POST', `/containers/${reference}/stop`)).to.equal(undefined);
    }
  });

  describe('when containers are pruned', () => {
    const prune = async (filters?: object) => {
      const query = filters ? `?filters=${encodeURIComponent(JSON.stringify(filters))}` : '';
      const { docker: asked, refused } = await kit.call({
        method: 'POST',
        path: `/v1.41/containers/prune${query}`,
      });
      const [, sent] = /\?filters=(.*)$/.exec(asked?.path ?? '') ?? [];
      return refused ?? (sent && (JSON.parse(decodeURIComponent(sent)) as object)) ?? 'as it was';
    };

    it('changes nothing while they run', async () => {
      expect(await prune()).to.equal('as it was');
    });

    it('spares them while they are stopped, whatever else is asked for', async () => {
      stopped = [AGENT];
      expect(await prune()).to.deep.equal({ 'label!': ['socketplane.part'] });
      expect(await prune({ until: ['24h'] })).to.deep.equal({
        until: ['24h'],
        'label!': ['socketplane.part'],
      });
      expect(await prune({ until: { '24h': true } })).to.deep.equal({
        until: { '24h': true },
        'label!': { 'socketplane.part': true },
      });
    });

    it('refuses where Docker cannot be told so: of two labels to spare it takes only both', async () => {
      stopped = [AGENT];
      expect(await prune({ 'label!': ['keep'] })).to.match(/container socketplane is SocketPlane's own/);
      stopped = [];
      expect(await prune({ 'label!': ['keep'] })).to.deep.equal({ 'label!': ['keep'] });
    });
  });

  it('is no reason to fail when Docker does not answer it', async () => {
    docker.close();
    docker.closeAllConnections();
    rmSync(join(directory, 'docker.sock'), { force: true });
    const { docker: asked, failed } = await kit.call({ method: 'DELETE', path: '/containers/web' });
    expect(asked?.path).to.equal('/containers/web');
    expect(failed).to.match(/ENOENT/);
  });
});
