import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { Node } from '../../lab/node.js';
import { until } from '../../support/until.js';
import { addressOf, sleeper } from '../agent/suite.js';
import { untilAllReach, type Places } from './reach.js';
import { createNetwork, useCluster } from './suite.js';

const WEB = ['-e', 'SP_NETWORK=web'];
const INTERVAL_S = 0.1;

interface Pings {
  /** Numbers of those that were answered so far. */
  answered: () => Promise<number[]>;
  /** Ends, and gives how many in a row had no answer at most. */
  end: () => Promise<number>;
}

/** Pings an address from inside a container, ten times a second. */
async function pinging(node: Node, from: string, address: string): Promise<Pings> {
  const log = `/tmp/${address}`;
  const command = `echo $$ >${log}.pid; exec ping -i ${INTERVAL_S} ${address} >${log}`;
  await node.docker('exec', '-d', from, 'sh', '-c', command);
  async function answered(): Promise<number[]> {
    const { stdout } = await node.docker('exec', from, 'cat', log);
    return [...stdout.matchAll(/seq=(\d+)/g)].map(([, number]) => Number(number));
  }
  await until('a first answer', async () => (await answered()).length > 0);
  return {
    answered,
    async end() {
      await node.docker('exec', from, 'sh', '-c', `kill $(cat ${log}.pid)`);
      const numbers = await answered();
      return Math.max(...numbers.slice(1).map((number, at) => number - numbers[at]! - 1));
    },
  };
}

describe('parts that are started again, under pings between two hosts', function () {
  this.timeout(120_000);
  const { nodes } = useCluster(2);
  const places: Places = {};
  let addresses: string[];

  before(async () => {
    await createNetwork(nodes(), 'web', '10.50.0.0/16');
    for (const [index, node] of nodes().entries()) {
      const name = `con${index + 1}`;
      await sleeper(node, name, ...WEB, '--restart', 'always');
      places[name] = node;
    }
    await untilAllReach(places, 10_000);
    addresses = await Promise.all(Object.entries(places).map(([name, node]) => addressOf(node, name)));
  });

  /** Pings both ways while something is done on the second host; gives the longest silences. */
  async function during(work: (second: Node) => Promise<void>): Promise<number[]> {
    const [first, second] = nodes();
    const pings = await Promise.all([
      pinging(first!, 'con1', addresses[1]!),
      pinging(second!, 'con2', addresses[0]!),
    ]);
    await work(second!);
    await untilAllReach(places, 20_000);
    return Promise.all(pings.map(({ end }) => end()));
  }

  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    it(`the agent, ended by ${signal}: nothing is lost`, async () => {
      const lost = await during(async (second) => {
        await second.stop('agent', signal);
        await sleep(1_000);
        await second.startAgent();
        await sleep(1_000);
      });
      expect(lost).to.deep.equal([0, 0]);
    });
  }

  it('ovs-vswitchd: it goes on without a command', async () => {
    const lost = await during(async (second) => {
      await second.stop('ovs-vswitchd', 'SIGKILL');
      await second.startVswitchd();
    });
    console.log(
      `      longest silences: ${lost.map((count) => `${(count * INTERVAL_S).toFixed(1)} s`).join(', ')}`,
    );
  });

  it('dockerd: its containers are back with their addresses', async () => {
    const [first, second] = nodes();
    const pings = await pinging(first!, 'con1', addresses[1]!);
    await second!.stop('dockerd');
    const before = Math.max(...(await pings.answered()));
    await second!.startDocker();
    await until('an answer', async () => Math.max(...(await pings.answered())) > before, 20_000);
    const lost = await pings.end();
    console.log(`      longest silence: ${(lost * INTERVAL_S).toFixed(1)} s`);
    expect(await addressOf(second!, 'con2')).to.equal(addresses[1]);
    await untilAllReach(places, 5_000);
  });
});
