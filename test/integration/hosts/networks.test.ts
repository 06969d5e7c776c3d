import { expect } from 'chai';
import { until } from '../../lab/process.js';
import { addressOf, pings, sleeper } from '../agent/suite.js';
import { useCluster } from './suite.js';

describe('networks that span three hosts', function () {
  this.timeout(60_000);
  const { nodes } = useCluster(3);

  before(async () => {
    const [first] = nodes();
    await first!.api('POST', '/networks', { id: 'web', subnet: '10.50.0.0/16' });
    await Promise.all(
      nodes().map((node) =>
        until('the network', async () => (await node.api('GET', '/networks/web')).status === 200, 5_000),
      ),
    );
    await Promise.all(nodes().map((node, index) => sleeper(node, `con${index + 1}`, '-e', 'SP_NETWORK=web')));
  });

  it('give each container an address of its own', async () => {
    const ips = await Promise.all(nodes().map((node, index) => addressOf(node, `con${index + 1}`)));
    expect(new Set(ips).size).to.equal(3);
    expect(ips.every((ip) => ip.startsWith('10.50.'))).to.equal(true);
  });

  it('carry ping by name and TCP between all hosts', async () => {
    for (const [from, node] of nodes().entries()) {
      for (const to of [1, 2, 3].filter((number) => number !== from + 1)) {
        expect(await pings(node, `con${from + 1}`, `con${to}`), `con${from + 1} to con${to}`).to.equal(true);
      }
    }
    const [first, , third] = nodes();
    await third!.sp(['exec', '-d', 'con3', 'nc', '-l', '-p', '80', '-e', 'cat']);
    await until('the listener', async () =>
      (await third!.sp(['exec', 'con3', 'netstat', '-ltn'])).stdout.includes(':80 '),
    );
    const input = 'hello'.repeat(99_999);
    const { stdout } = await first!.sp(['exec', '-i', 'con1', 'nc', '-w', '3', 'con3', '80'], { input });
    expect(stdout).to.equal(input);
  });

  it('find a container by name from everywhere right after its start, and not after its end', async () => {
    const [first, second, third] = nodes();
    await sleeper(second!, 'new', '-e', 'SP_NETWORK=web');
    expect(await pings(first!, 'con1', 'new')).to.equal(true);
    expect(await pings(third!, 'con3', 'new')).to.equal(true);
    await second!.sp(['rm', '-f', 'new']);
    await until('the name to go', async () => !(await pings(third!, 'con3', 'new')), 5_000);
  });

  it('have one tunnel for each peer', async () => {
    for (const node of nodes()) {
      const { stdout } = await node.run([
        'ovs-vsctl',
        '--format=json',
        '--columns=options',
        'find',
        'Interface',
        'type=vxlan',
      ]);
      const peers = nodes()
        .filter((other) => other !== node)
        .map(({ address }) => address);
      for (const peer of peers) expect(stdout).to.include(peer);
      expect(stdout.match(/remote_ip/g)).to.have.length(2);
    }
  });
});
