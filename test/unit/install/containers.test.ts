import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import {
  agentContainer,
  consulContainer,
  proxyContainer,
  type ContainerSpec,
} from '../../../lib/install/containers/specs.js';
import { packageRoot } from '../../../lib/base/paths.js';
import { VERSION } from '../../../lib/base/version.js';

interface Service {
  image: string;
  container_name: string;
  command: string[];
  labels: Record<string, string>;
  restart: string;
  network_mode: string;
  pid: string;
  userns_mode: string;
  read_only: boolean;
  logging: { driver: string };
  cap_drop: string[];
  cap_add: string[];
  security_opt: string[];
  tmpfs?: string[];
  cpu_shares?: number;
  volumes: string[];
  healthcheck?: { test: string };
}

const IMAGE = `\${SOCKETPLANE_IMAGE:-socketplane:${VERSION}}`;

/** Pairs of an option and its value, and what follows the image. */
function argumentsOf(service: Service): string[] {
  const each = (option: string, values: string[] = []) => values.map((value) => `${option} ${value}`);
  return [
    `--name ${service.container_name}`,
    ...each(
      '--label',
      Object.entries(service.labels).map(([name, value]) => `${name}=${value}`),
    ),
    `--restart ${service.restart}`,
    `--network ${service.network_mode}`,
    `--pid ${service.pid}`,
    `--userns ${service.userns_mode}`,
    ...(service.read_only ? ['--read-only'] : []),
    `--log-driver ${service.logging.driver}`,
    ...each('--cap-drop', service.cap_drop),
    ...each('--cap-add', service.cap_add),
    ...each('--security-opt', service.security_opt),
    ...each('--tmpfs', service.tmpfs),
    ...(service.cpu_shares === undefined ? [] : [`--cpu-shares ${service.cpu_shares}`]),
    ...each('--volume', service.volumes),
    ...each('--health-cmd', service.healthcheck && [service.healthcheck.test]),
    [service.image, ...service.command].join(' '),
  ];
}

describe('docker-compose.yml', () => {
  it('makes the containers that the installer makes', async () => {
    const text = await readFile(join(packageRoot(), 'docker-compose.yml'), 'utf8');
    const { services } = parse(text, { merge: true }) as { services: Record<string, Service> };
    for (const { name, create } of [agentContainer({ image: IMAGE }), proxyContainer({ image: IMAGE })]) {
      const wanted = create.join(' ').split(/ (?=--)/);
      // The image comes after the last option's value.
      const last = wanted.pop() ?? '';
      const end = last.indexOf(` ${IMAGE}`);
      wanted.push(last.slice(0, end), last.slice(end + 1));
      expect(argumentsOf(services[name]!), name).to.have.members(wanted);
    }
  });

  it('lets them do what they need, and enter no other container', () => {
    const added = ({ create }: ContainerSpec) =>
      create.filter((_, at) => create[at - 1] === '--cap-add').toSorted();
    const agent = agentContainer({ image: 'i' });
    expect(added(agent)).to.deep.equal(['CHOWN', 'DAC_OVERRIDE', 'NET_ADMIN', 'NET_BIND_SERVICE', 'NET_RAW']);
    const proxy = proxyContainer({ image: 'i' });
    expect(added(proxy)).to.deep.equal(['CHOWN']);
    const consul = consulContainer({ image: 'i' });
    expect(added(consul)).to.deep.equal([]);
    for (const { create } of [agent, proxy, consul])
      expect(create.join(' '))
        .to.include('--cap-drop ALL')
        .and.not.match(/--privileged|--device|docker\/netns/);
  });

  it('the installer gives the agent what it is to know', () => {
    const { create } = agentContainer({ image: 'i', environment: { BOOTSTRAP: 'true' } });
    expect(create.join(' ')).to.include('--env BOOTSTRAP=true i socketplaned');
  });
});
