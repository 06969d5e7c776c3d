import { expect } from 'chai';
import { AppError } from '../../../lib/base/errors.js';
import type { AgentClient } from '../../../lib/cli/agent/client.js';
import { chooseNames, listContainers } from '../../../lib/cli/demo/containers.js';
import type { NewNetwork } from '../../../lib/cli/agent/client.js';
import { runDemo } from '../../../lib/cli/demo/demo.js';
import type { DemoDocker } from '../../../lib/cli/demo/docker.js';

/** A host with these containers, given as `docker ps` prints name and label, and these networks. */
function host({ containers = [] as string[], subnets = {}, taken = [] as string[] } = {}) {
  const networks = new Map(Object.entries(subnets));
  const shown: string[] = [];
  const output: string[] = [];
  const answer = (id: string) => ({ id, subnet: networks.get(id) ?? '', gateway: '10.0.0.1', vni: 1 });
  const agent = {
    networks: async () => [...networks.keys()].map(answer),
    async createNetwork(id: string, { subnet = '10.42.0.0/16' }: NewNetwork = {}) {
      if (taken.includes(subnet))
        throw new AppError('conflict', `subnet ${subnet} overlaps the route of eth0`);
      networks.set(id, subnet);
      return answer(id);
    },
    connection: async (name: string) => ({ connection_details: { ip: `address-of-${name}` } }),
  } as unknown as AgentClient;
  const docker: DemoDocker = {
    quiet: async () => containers.join('\n'),
    async shown(...args) {
      shown.push(args.join(' '));
    },
  };
  const run = () =>
    runDemo({
      prepareHost: async () => undefined,
      daemons: { start: async () => 'started' },
      agent,
      docker,
      say: (text) => output.push(text),
      command: 'bin/socketplane',
      proxySocket: '/run/socketplane/docker.sock',
    });
  return { run, shown, networks, docker, output: () => output.join('\n') };
}

const made = (name: string) =>
  `run -d --name ${name} --label socketplane.demo=true -e SP_NETWORK=web busybox sleep 1d`;

describe('socketplane demo', () => {
  it('makes a network, two containers, and pings', async () => {
    const { run, shown, networks, output } = host();
    await run();
    expect(networks.get('web')).to.equal('10.99.0.0/16');
    expect(shown).to.deep.equal([made('con1'), made('con2'), 'exec con1 ping -c 3 address-of-con2']);
    expect(output()).to.include('$ bin/socketplane network create web 10.99.0.0/16');
    expect(output()).to.include('$ docker rm -f con1 con2');
  });

  it('takes a free subnet where its own is not', async () => {
    const { run, networks, output } = host({ taken: ['10.99.0.0/16'] });
    await run();
    expect(networks.get('web')).to.equal('10.42.0.0/16');
    expect(output()).to.include('overlaps the route of eth0');
  });

  it('run again, it keeps the network and replaces its own containers', async () => {
    const { run, shown, networks } = host({
      containers: ['con1 true', 'con2 true'],
      subnets: { web: '10.7.0.0/24' },
    });
    await run();
    expect(networks.get('web')).to.equal('10.7.0.0/24');
    expect(shown.slice(0, 4)).to.deep.equal(['rm -f con1', made('con1'), 'rm -f con2', made('con2')]);
  });

  it("leaves somebody else's containers alone", async () => {
    const { run, shown } = host({ containers: ['con1 ', 'con3 true', 'con30 '] });
    await run();
    expect(shown).to.deep.equal([
      made('con2'),
      'rm -f con3',
      made('con3'),
      'exec con2 ping -c 3 address-of-con3',
    ]);
  });

  it('says so when no name is left', async () => {
    const { run } = host({ containers: Array.from({ length: 20 }, (_, index) => `con${index + 1} `) });
    const error = await run().catch((reason: unknown) => reason);
    expect((error as Error).message).to.include('all belong to other containers');
  });

  it('reads names and labels from docker ps', async () => {
    const { docker } = host({ containers: ['con1 true', 'web,other/web ', ''] });
    const existing = await listContainers(docker);
    expect(existing).to.deep.equal([
      { name: 'con1', ours: true },
      { name: 'web', ours: false },
    ]);
    expect(chooseNames(existing)).to.deep.equal(['con1', 'con2']);
  });
});
