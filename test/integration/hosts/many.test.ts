import { getPriority } from 'node:os';
import { expect } from 'chai';
import type { Node } from '../../lab/node.js';
import { until } from '../../support/until.js';
import { addressOf, firstPacketReaches, pings, sleeper } from '../agent/suite.js';
import { answering, createNetwork, STORY_MS, untilNothingIsLeft, useCluster } from './suite.js';

/** MANY=100 CYCLES=500 go on for longer: Docker itself needs about a second of a small machine for each container. */
const MANY = Number(process.env['MANY'] ?? 30);
const CYCLES = Number(process.env['CYCLES'] ?? 20);
/** Containers that come and go at the same time on each host. */
const PARALLEL = 2;

describe('containers that come and go on three hosts', function () {
  this.timeout(STORY_MS);
  const { nodes } = useCluster(3);

  before(() => createNetwork(nodes(), 'web', '10.50.0.0/16'));

  it('come after agent and Consul where the processor is short', async () => {
    for (const node of nodes()) {
      const pid = await node.run(['cat', '/var/lib/socketplane/consul/consul.pid']);
      // By proc(5), without the name.
      const { stdout } = await node.run(['cut', '-d', ' ', '-f', '19', `/proc/${pid.stdout}/stat`]);
      const niceness = [getPriority(await node.pidOf('agent')), Number(stdout)];
      expect(niceness).to.deep.equal([-10, -10]);
    }
  });

  it(`have an address of their own each, are found from each host, and leave nothing: ${MANY} at once`, async () => {
    const names = Array.from({ length: MANY }, (_, index) => `many${index + 1}`);
    const nodeOf = (index: number) => nodes()[index % 3]!;
    const addresses = await Promise.all(
      names.map((name, index) => sleeper(nodeOf(index), name, '-e', 'SP_NETWORK=web')),
    );
    expect(addresses.every((address) => address.startsWith('10.50.'))).to.equal(true);
    expect(new Set(addresses).size).to.equal(MANY);
    for (const index of [0, 1, 2]) {
      const found = await answering(nodeOf(index), names[index]!, names);
      expect(found, `from host ${index + 1}`).to.deep.equal(addresses);
    }
    await Promise.all(
      nodes().map((node, at) => node.sp(['rm', '-f', ...names.filter((_, index) => index % 3 === at)])),
    );
    await untilNothingIsLeft(nodes());
  });

  it(`leave nothing behind after ${CYCLES} starts and ends of all kinds`, async function () {
    this.timeout(STORY_MS + CYCLES * 2_000);
    let begun = 0;
    const worker = async (node: Node) => {
      while (begun < CYCLES) {
        const number = begun++;
        await ENDS[number % ENDS.length]!(node, `cycle${number}`);
      }
    };
    await Promise.all(nodes().flatMap((node) => Array.from({ length: PARALLEL }, () => worker(node))));
    await untilNothingIsLeft(nodes());
  });

  describe('an address that moves to another host', () => {
    const ip = '10.50.77.7';
    const run = ['-e', 'SP_NETWORK=web', '--label', `socketplane.ip=${ip}`];

    before(() =>
      Promise.all(nodes().map((node, index) => sleeper(node, `by${index + 1}`, '-e', 'SP_NETWORK=web'))),
    );

    it('is reached by the first packet, from everywhere and every time', async () => {
      for (const round of [0, 1, 2]) {
        const node = nodes()[round % 3]!;
        expect(await sleeper(node, `moving${round}`, ...run)).to.equal(ip);
        await Promise.all(
          nodes().map(async (from, index) =>
            expect(
              await firstPacketReaches(from, `by${index + 1}`, ip),
              `round ${round} from host ${index + 1}`,
            ).to.equal(true),
          ),
        );
        await node.sp(['rm', '-f', `moving${round}`]);
      }
    });

    it('stays reachable, whatever happens to its container', async () => {
      const [, second, third] = nodes();
      await sleeper(second!, 'con', ...run);
      const happens: Record<string, () => Promise<unknown>> = {
        restart: () => second!.sp(['restart', '-t', '0', 'con']),
        rename: () => second!.sp(['rename', 'con', 'renamed']),
        'stop and start': async () => {
          await second!.sp(['stop', '-t', '0', 'renamed']);
          await second!.sp(['start', 'renamed']);
        },
        'a crash': async () => {
          await second!.sp(['kill', 'renamed']);
          await second!.sp(['start', 'renamed']);
        },
      };
      for (const [what, happen] of Object.entries(happens)) {
        await happen();
        expect(await firstPacketReaches(third!, 'by3', ip), what).to.equal(true);
      }
      expect(await addressOf(second!, 'renamed')).to.equal(ip);
      expect(await firstPacketReaches(third!, 'by3', 'renamed'), 'its new name').to.equal(true);
      await second!.docker('restart', '-t', '0', 'renamed');
      await until('it after a restart past the proxy', () => pings(third!, 'by3', ip));
    });
  });
});

const plain = ['-d', '--stop-signal', 'KILL', '-e', 'SP_NETWORK=web'];

/** Ways in which a container comes and goes. */
const ENDS: ((node: Node, name: string) => Promise<unknown>)[] = [
  async function removed(node, name) {
    await sleeper(node, name, '-e', 'SP_NETWORK=web');
    await node.sp(['rm', '-f', name]);
  },
  async function removedPastTheProxy(node, name) {
    await sleeper(node, name, '-e', 'SP_NETWORK=web');
    await node.docker('rm', '-f', name);
  },
  async function endsByItself(node, name) {
    await node.sp(['run', '--rm', '-e', 'SP_NETWORK=web', '--name', name, 'busybox', 'true']);
  },
  async function doesNotStart(node, name) {
    await node.sp(['run', ...plain, '--name', name, 'busybox', 'no-such-command'], { reject: false });
    await node.sp(['rm', name]);
  },
  async function restartedAndStopped(node, name) {
    await sleeper(node, name, '-e', 'SP_NETWORK=web');
    await node.sp(['restart', '-t', '0', name]);
    await node.sp(['stop', '-t', '0', name]);
    await node.sp(['rm', name]);
  },
];
