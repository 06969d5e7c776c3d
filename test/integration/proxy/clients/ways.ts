import { writeFile } from 'node:fs/promises';
import http from 'node:http';
import { expect } from 'chai';
import Docker from 'dockerode';
import type { Host } from '../../../lab/host.js';
import { START_MS } from '../../../lab/lab.js';
import { POWERSTRIP, useProxy } from '../suite.js';
import { normalise } from './normalise.js';

/** One of the ways to the same dockerd; no client may be able to tell them apart. */
export interface Way {
  name: string;
  /** Of its socket, inside the host. */
  path: string;
}

export const WAYS: Way[] = [
  { name: 'directly', path: '/run/docker.sock' },
  { name: 'without hooks', path: '/run/plain.sock' },
  { name: 'with hooks', path: '/run/socketplane/docker.sock' },
];

const HOOKS_EVERYWHERE = `version: 1
endpoints: { '[A-Z]* /*': { pre: [test], post: [test] } }
adapters: { test: 'http+unix://%2Frun%2Fadapter.sock/hook' }
`;
export interface Ways {
  host: () => Host;
  /** Does the same each way, one after the other, and gives what came of it, which must be the same. */
  same<T>(step: (way: Way) => Promise<T>): Promise<T>;
}

/** A host with Docker and two proxies: one without hooks, one whose adapter sees every call and changes none. */
export function useWays(): Ways {
  const { host } = useProxy(() => () => undefined, { 'proxy.yml': HOOKS_EVERYWHERE });
  before(async function () {
    this.timeout(START_MS);
    await startSecond(host(), 'plain');
  });

  async function same<T>(step: (way: Way) => Promise<T>): Promise<T> {
    const [direct, ...proxied] = WAYS;
    const expected = await step(direct!);
    for (const way of proxied) {
      expect(normalise(await step(way)), way.name).to.deep.equal(normalise(expected));
    }
    return expected;
  }
  return { host, same };
}

/** One more proxy on the host, at `/run/NAME.sock`. */
export async function startSecond(host: Host, name: string, settings = ''): Promise<void> {
  const config = `version: 1\nlisten: ['unix:///run/${name}.sock']\ntrace: off\n${settings}`;
  await writeFile(host.file(`/run/${name}.yml`), config);
  const files = ['--config', `/run/${name}.yml`, '--pid-file', `/run/${name}.pid`];
  await host.start(name, ['node', POWERSTRIP, ...files]);
  await host.ready(name, ['docker', '-H', `unix:///run/${name}.sock`, 'version']);
}

/** dockerode, with connections that it keeps; each way has its own. */
export function useDockerode(host: () => Host): (way: Way) => Docker {
  const agents = new Map<string, http.Agent>();
  after(() => {
    for (const agent of agents.values()) agent.destroy();
  });
  return ({ path }) => {
    const agent = agents.get(path) ?? new http.Agent({ keepAlive: true });
    agents.set(path, agent);
    // Its types know nothing of the agent.
    const options = { socketPath: host().file(path), agent };
    return new Docker(options);
  };
}
