import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import type { Node } from '../../lab/node.js';
import { until } from '../../support/until.js';
import { addressOf, pings, sleeper } from '../agent/suite.js';
import { leasesOn, refused, startAtLast, untilAllReach, type Places } from './reach.js';
import { askConsul, createNetwork, untilVoters, useCluster } from './suite.js';

const WEB = ['-e', 'SP_NETWORK=web'];
const PID_FILE = '/var/lib/socketplane/consul/consul.pid';

/** Sends a signal to the host's Consul. */
async function signalConsul(node: Node, signal: string): Promise<void> {
  await node.run(['kill', `-${signal}`, (await readFile(node.file(PID_FILE), 'utf8')).trim()]);
}

async function leaderAmong(nodes: Node[]): Promise<Node> {
  const leader = await askConsul(nodes[0]!, 'status/leader');
  return nodes.find(({ address }) => String(leader).startsWith(`${address}:`))!;
}

describe('when Consul fails', function () {
  this.timeout(120_000);
  const { nodes } = useCluster(3);
  const places: Places = {};
  const start = async (node: Node, name: string) => {
    await sleeper(node, name, ...WEB);
    places[name] = node;
  };
  const untilStarted = async (node: Node, name: string) => {
    await startAtLast(node, name);
    places[name] = node;
  };
  /** Leases are those of the containers that there are, and no two of these have one address. */
  async function checkLeases(): Promise<void> {
    const made = nodes().map(async (node) => {
      const { stdout } = await node.docker('ps', '-aq');
      return [node.name, stdout.split('\n').filter(Boolean).length] as const;
    });
    const containers = Object.fromEntries((await Promise.all(made)).filter(([, count]) => count > 0));
    await until('leases to be right', async () => {
      const leases = await leasesOn(nodes()[0]!);
      expect(leases).to.deep.equal(containers);
      return true;
    });
    const addresses = await Promise.all(Object.entries(places).map(([name, node]) => addressOf(node, name)));
    expect(new Set(addresses).size).to.equal(addresses.length);
  }

  before(async () => {
    await createNetwork(nodes(), 'web', '10.50.0.0/16');
    await Promise.all(nodes().map((node, index) => start(node, `con${index + 1}`)));
    await untilAllReach(places, 10_000);
    await untilVoters(nodes()[0]!);
  });

  it('one server killed: everything goes on', async () => {
    const leader = await leaderAmong(nodes());
    const other = nodes().find((node) => node !== leader)!;
    await signalConsul(other, 'KILL');
    await untilAllReach(places, 2_000);
    await Promise.all(
      nodes()
        .filter((node) => node !== other)
        .map((node) => start(node, `new-${node.name}`)),
    );
    await untilStarted(other, 'own');
    await untilAllReach(places, 5_000);
    await checkLeases();
  });

  it('the leader killed during 30 starts: each works or says why; nothing twice, nothing left', async () => {
    await untilVoters(nodes()[0]!);
    const leader = await leaderAmong(nodes());
    const names = Array.from({ length: 30 }, (_, number) => `many${number}`);
    const refusals: string[] = [];
    const starts = names.map(async (name, number) => {
      const node = nodes()[number % 3]!;
      const argv = ['run', '-d', '--stop-signal', 'KILL', '--name', name, ...WEB, 'busybox', 'sleep', '1000'];
      await node.sp(['rm', '-f', name], { reject: false });
      const { exitCode, stderr } = await node.sp(argv, { reject: false });
      if (exitCode === 0) places[name] = node;
      else {
        refusals.push(stderr);
        await node.sp(['rm', '-f', name], { reject: false });
      }
    });
    await signalConsul(leader, 'KILL');
    await Promise.all(starts);
    for (const refusal of refusals) expect(refusal).to.match(/Consul|try again/);
    await untilAllReach(places, 30_000, ['con1', 'con2', 'con3']);
    await checkLeases();
    // What comes next has its time limits, which are not those of so many.
    await Promise.all(nodes().map((node) => node.sp(['rm', '-f', ...names], { reject: false })));
    for (const name of names) delete places[name];
    await checkLeases();
  });

  it('all of it stopped: what runs goes on, what has an address starts again, new ones say why', async () => {
    const [first, second] = nodes();
    await Promise.all(nodes().map((node) => signalConsul(node, 'STOP')));
    try {
      await untilAllReach(places, 2_000);
      await second!.sp(['stop', '-t', '0', 'con2']);
      expect(await pings(first!, 'con1', await addressOf(second!, 'con2'))).to.equal(false);
      await second!.sp(['start', 'con2']);
      await untilAllReach(places, 2_000);
      const messages = await Promise.all(nodes().map((node) => refused(node)));
      for (const message of messages)
        expect(message).to.match(/Consul on .* does not answer .*; containers that run are not affected/);
    } finally {
      await Promise.all(nodes().map((node) => signalConsul(node, 'CONT')));
    }
  });

  it('and back: all is soon as ever, without a command', async () => {
    const began = performance.now();
    await Promise.all(nodes().map((node) => untilStarted(node, `late-${node.name}`)));
    await untilAllReach(places, 20_000);
    console.log(`    ${((performance.now() - began) / 1_000).toFixed(1)} s after Consul is back`);
    await checkLeases();
  });
});
