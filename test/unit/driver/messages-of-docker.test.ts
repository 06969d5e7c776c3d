import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { NetworkChoice } from '../../../lib/network/networks.js';
import { driverInMemory } from './driver-in-memory.js';

const BODIES = join(import.meta.dirname, 'bodies');

interface Recorded {
  call: string;
  body: Record<string, unknown>;
}

/** The networks of the recordings that were made through the proxy, and so were in the cluster first. */
const MADE: Record<string, NetworkChoice> = {
  socketplane: { subnet: '10.1.0.0/16' },
  inner: { subnet: '10.42.0.0/16', settings: { internal: true } },
  web: {
    subnet: '10.9.0.0/24',
    gateway: '10.9.0.5',
    settings: {
      range: '10.9.0.128/25',
      aux: { a: '10.9.0.7', b: '10.9.0.8' },
      labels: { x: 'y' },
      options: { foo: 'bar' },
    },
  },
};

/** What cannot be: other IPAM drivers, and IPv6. */
function isRefused({ call, body }: Recorded): boolean {
  if (call === 'IpamDriver.RequestPool') return body['V6'] === true;
  const [data] = (body['IPv4Data'] ?? []) as { AddressSpace: string }[];
  return call === 'NetworkDriver.CreateNetwork' && data?.AddressSpace === 'LocalDefault';
}

function read(file: string): Recorded[] {
  return JSON.parse(readFileSync(join(BODIES, file), 'utf8')) as Recorded[];
}

/** The same calls with what Docker 27 to 29 have added. */
function asNew({ call, body }: Recorded): Recorded {
  const more: Record<string, object> = {
    'NetworkDriver.CreateNetwork': { 'com.docker.network.enable_ipv4': true },
    'IpamDriver.RequestAddress': { 'com.docker.network.endpoint.name': 'aa' },
    'NetworkDriver.CreateEndpoint': {
      'com.docker.network.endpoint.ifname': '',
      'com.docker.network.endpoint.sysctls': '',
    },
  };
  const Options = { ...(body['Options'] as object | null), ...more[call] };
  return { call, body: 'Options' in body || more[call] ? { ...body, Options, Later: [1] } : body };
}

/** What was recorded from real engines, by `docker network create`, `run`, `stop`, `start`, `rm` and so on. */
const RECORDINGS = new Map(readdirSync(BODIES).map((file) => [file, read(file)]));
RECORDINGS.set('what Docker 29 sends', read('docker-26.json').map(asNew));

describe('messages of Docker', () => {
  for (const [title, recorded] of RECORDINGS) {
    it(`understands everything in ${title}`, async () => {
      const { call, makings, networks, table, ipam, dockerNetworks } = driverInMemory();
      const ends = new Map<string | undefined, () => void>();
      for (const [name, choice] of Object.entries(MADE))
        ends.set(choice.subnet, makings.begin(await networks.create(name, choice)));
      const answers: Recorded[] = [];
      for (const one of recorded) {
        const outcome = await call(one.call, one.body).catch((error: unknown) => error);
        expect(
          outcome instanceof Error,
          `${one.call} ${JSON.stringify(one.body)}: ${String(outcome)}`,
        ).to.equal(isRefused(one));
        answers.push({ call: one.call, body: outcome as Record<string, unknown> });
        if (one.call !== 'NetworkDriver.CreateNetwork' || isRefused(one)) continue;
        // What the fan-out does with networks that were made past the proxy.
        const id = String(one.body['NetworkID']);
        const { name, subnet } = dockerNetworks.get(id)!;
        ends.get(subnet)?.();
        if (name !== undefined) continue;
        await networks.create(`raw-${subnet.replaceAll(/[./]/g, '-')}`, { subnet });
        await dockerNetworks.set(id, { name: `raw-${subnet.replaceAll(/[./]/g, '-')}`, subnet });
      }
      expect(table.list(), 'endpoints left').to.deep.equal([]);
      expect(ipam.owned(), 'leases left').to.deep.equal([]);
      const joins = answers.filter(({ call: name }) => name === 'NetworkDriver.Join').map(({ body }) => body);
      expect(joins.filter((join) => 'InterfaceName' in join)).to.have.length(joins.length);
      expect(joins.some((join) => join['Gateway'] === '10.9.0.5')).to.equal(true);
      expect(joins.some((join) => join['DisableGatewayService'] === true)).to.equal(true);
      const publishing = joins.filter((join) => !('Gateway' in join) && !('DisableGatewayService' in join));
      expect(publishing, 'published by Docker').to.have.length(2);
    });
  }
});
