import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import type { Node } from '../../lab/node.js';
import { steadyPing } from '../../lab/steady-ping.js';
import { step } from '../../support/step.js';
import { seconds, until } from '../../support/until.js';
import { addressOf, pings, sleeper } from '../agent/suite.js';
import { leasesOn, refused, startAtLast, untilAllReach, type Places } from './reach.js';
import { askConsul, createNetwork, PATIENCE_MS, STORY_MS, untilVoters, useCluster } from './suite.js';

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
  this.timeout(STORY_MS);
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
    await until(
      'leases to be right',
      async () => expect(await leasesOn(nodes()[0]!)).to.deep.equal(containers),
      PATIENCE_MS,
    );
    const addresses = await Promise.all(Object.entries(places).map(([name, node]) => addressOf(node, name)));
    expect(new Set(addresses).size).to.equal(addresses.length);
  }
  /**
   * What is done meanwhile must not interrupt containers that run. Containers start there too: on a busy machine userspace Open
   * vSwitch may lose a packet while it adds a port.
   */
  async function withoutInterruption(work: () => Promise<void>): Promise<void> {
    const ping = await steadyPing(nodes()[0]!, 'con1', await addressOf(nodes()[1]!, 'con2'));
    await work();
    const { lost, inARow } = await ping.end();
    expect(inARow, lost.join('; ')).to.be.at.most(2);
  }

  before(async function () {
    this.timeout(STORY_MS);
    await createNetwork(nodes(), 'web', '10.50.0.0/16');
    await Promise.all(nodes().map((node, index) => start(node, `con${index + 1}`)));
    await untilAllReach(places);
  });
  // Not before each has a vote may the next one fail.
  beforeEach(() => untilVoters(nodes()[0]!));

  it('one server killed: everything goes on, and nobody is interrupted', async () => {
    const leader = await leaderAmong(nodes());
    const other = nodes().find((node) => node !== leader)!;
    const others = nodes().filter((node) => node !== other);
    await withoutInterruption(async () => {
      await signalConsul(other, 'KILL');
      await untilAllReach(places);
      await Promise.all(others.map((node) => start(node, `new-${node.name}`)));
      await untilStarted(other, 'own');
      await untilAllReach(places);
    });
    await checkLeases();
  });

  it('the leader killed during 30 starts: each works or says why; nothing twice, nothing left', async () => {
    const leader = await leaderAmong(nodes());
    const names = Array.from({ length: 30 }, (_, number) => `many${number}`);
    const refusals: string[] = [];
    const starts = names.map(async (name, number) => {
      const node = nodes()[number % 3]!;
      const argv = ['run', '-d', '--stop-signal', 'KILL', '--name', name, ...WEB, 'busybox', 'sleep', '1000'];
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
    await untilAllReach(places, ['con1', 'con2', 'con3']);
    await checkLeases();
    await Promise.all(nodes().map((node) => node.sp(['rm', '-f', ...names], { reject: false })));
    for (const name of names) delete places[name];
    await checkLeases();
  });

  it('all of it stopped, and back: what runs goes on, what has an address starts again, new ones say why within 15 s', async () => {
    const [first, second, third] = nodes();
    const address = await addressOf(second!, 'con2');
    await Promise.all(nodes().map((node) => signalConsul(node, 'STOP')));
    try {
      await step('containers reach each other', () => untilAllReach(places));
      await step('one that is stopped cannot be reached, and starts again', async () => {
        await second!.sp(['stop', '-t', '0', 'con2']);
        expect(await pings(first!, 'con1', address)).to.equal(false);
        await second!.sp(['start', 'con2']);
        expect(await addressOf(second!, 'con2')).to.equal(address);
        await untilAllReach(places);
      });
      await step('new ones are refused, and nothing between others is lost', async () => {
        const ping = await steadyPing(first!, 'con1', await addressOf(third!, 'con3'));
        for (const message of await Promise.all(nodes().map((node) => refused(node))))
          expect(message).to.match(/Consul on .* does not answer .*; containers that run are not affected/);
        expect((await ping.end()).lost, 'lost pings').to.deep.equal([]);
      });
    } finally {
      await Promise.all(nodes().map((node) => signalConsul(node, 'CONT')));
    }
    await step('all is as ever when it is back, without a command', async () => {
      const began = performance.now();
      await Promise.all(nodes().map((node) => untilStarted(node, `late-${node.name}`)));
      await untilAllReach(places);
      console.log(`    ${seconds(began)} after Consul is back`);
      await checkLeases();
    });
  });
});
