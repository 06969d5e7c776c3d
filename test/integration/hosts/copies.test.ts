import { rm } from 'node:fs/promises';
import { expect } from 'chai';
import type { Host } from '../../lab/host.js';
import { createLab, START_MS, type Lab } from '../../lab/lab.js';
import { printLogsOfFailures } from '../../lab/logs-of-failures.js';
import { startNode, type Node } from '../../lab/node.js';
import { command } from '../../lab/process.js';
import { until } from '../../support/until.js';
import { addressOf, pings, sleeper } from '../agent/suite.js';
import { configure } from './alone.js';
import { createNetwork, membersOf, PATIENCE_MS, STORY_MS, untilMembers } from './suite.js';
import { theirConsul } from './their-consul.js';

/** What an image of a host's disk has in it. */
const DISK = ['/var/lib/socketplane', '/etc/socketplane', '/var/lib/docker', '/var/lib/openvswitch'];
/** It waits for a minute in which the other one goes on, in a Consul that tells only of agents, and joins after that. */
const COPY_MS = 2 * PATIENCE_MS;
const WEB = ['-e', 'SP_NETWORK=web'];

/** Both are off then. */
async function copyDisk(from: Host, to: Host): Promise<void> {
  await Promise.all([from.kill(), to.kill()]);
  for (const folder of DISK) {
    await rm(to.file(folder), { recursive: true, force: true });
    await command(['cp', '-a', from.file(folder), to.file(folder)]);
  }
}

/** As soon as it can say. */
async function idOf(node: Node): Promise<string> {
  let found: string | undefined;
  await until(
    `the id of ${node.name}`,
    async () => (found = ((await node.api('GET', '/cluster')).body as { id?: string }).id) !== undefined,
    PATIENCE_MS,
  );
  return found!;
}

/** Leased addresses by id of the host. */
async function leases(node: Node): Promise<Map<string, string>> {
  const { body } = await node.api('GET', '/leases');
  return new Map((body as { host: string; ip: string }[]).map(({ host, ip }) => [ip, host]));
}

/** Starts a container whose address may be another's, until it has one. */
async function started(node: Node, name: string): Promise<string> {
  await until(
    `${name} on ${node.name}`,
    async () => {
      await node.sp(['start', name], { reject: false });
      return (await addressOf(node, name)) !== '';
    },
    PATIENCE_MS,
  );
  return addressOf(node, name);
}

const kinds = {
  'with a Consul of its own': {
    settings: async (_lab: Lab) => ({ cluster: {} }),
    environment: (index: number) => ({ BOOTSTRAP: index === 0 ? 'true' : 'false' }),
  },
  'on a Consul that is there already': {
    async settings(lab: Lab) {
      const consul = theirConsul(await lab.addHost());
      await consul.start();
      return { consul: { address: consul.address, token: await consul.token('socketplane/') } };
    },
    environment: () => ({}),
  },
};

for (const [kind, { settings, environment }] of Object.entries(kinds)) {
  describe(`a host whose disk was copied, ${kind}`, function () {
    this.timeout(STORY_MS);
    let lab: Lab;
    let nodes: Node[];
    let identity = '';
    let address = '';

    before(async function () {
      this.timeout(START_MS);
      lab = await createLab();
      const config = await settings(lab);
      const hosts = [await lab.addHost(), await lab.addHost()];
      await Promise.all(hosts.map((host) => configure(host, config)));
      nodes = await Promise.all(hosts.map((host, index) => startNode(host, environment(index))));
      await untilMembers(nodes, 2);
      await createNetwork(nodes, 'web', '10.50.0.0/16');
      await sleeper(nodes[0]!, 'first', ...WEB);
      address = await sleeper(nodes[1]!, 'con', ...WEB, '--restart', 'always');
      identity = await idOf(nodes[1]!);
    });
    after(async function () {
      this.timeout(START_MS);
      await lab.destroy();
    });
    printLogsOfFailures(() => nodes);

    async function boot(host: Host): Promise<Node> {
      await host.reboot();
      return startNode(host, environment(1));
    }

    it('keeps its identity, and the copy becomes a host of its own, when both are booted at once', async () => {
      const [one, original] = nodes as [Node, Node];
      const host = await lab.addHost();
      await copyDisk(original, host);
      const [, copy] = await Promise.all([boot(original), boot(host)]);
      nodes.push(copy);
      await untilMembers(nodes, 3, COPY_MS);
      expect(await idOf(original)).to.equal(identity);
      expect(await idOf(copy)).not.to.equal(identity);
      expect(await started(original, 'con')).to.equal(address);
      const own = await started(copy, 'con');
      expect(own).not.to.equal(address);
      await until('all leases', async () => (await leases(one)).size === 3, PATIENCE_MS);
      expect((await leases(one)).get(address)).to.equal(identity);
      expect((await leases(one)).get(own)).to.equal(await idOf(copy));
      for (const ip of [address, own])
        await until(`a way to ${ip}`, () => pings(one, 'first', ip), PATIENCE_MS);
    });

    it('is a copy that is booted beside it', async () => {
      const [one, original] = nodes as [Node, Node];
      const host = await lab.addHost();
      // Its disk is copied while it is off, and it is on again when the copy is booted.
      await copyDisk(original, host);
      nodes[1] = await boot(original);
      await untilMembers(nodes, 3, COPY_MS);
      await started(original, 'con');
      const copy = await boot(host);
      nodes.push(copy);
      await untilMembers(nodes, 4, COPY_MS);
      expect(await idOf(copy)).not.to.equal(identity);
      expect((await leases(one)).get(address)).to.equal(identity);
      await until('the way to it', () => pings(one, 'first', address), PATIENCE_MS);
    });

    it('lends its identity to a copy that is booted while it is off, and is the copy when it returns', async () => {
      const [one, original] = nodes as [Node, Node];
      const host = await lab.addHost();
      await copyDisk(original, host);
      const copy = await boot(host);
      await until(
        'the copy to be the host',
        async () =>
          (await membersOf(one)).some(({ id, address: at }) => id === identity && at === host.address),
        PATIENCE_MS,
      );
      expect(await started(copy, 'con')).to.equal(address);
      nodes[1] = await boot(original);
      nodes.push(copy);
      await untilMembers(nodes, 5, COPY_MS);
      expect(await idOf(copy)).to.equal(identity);
      expect(await idOf(original)).not.to.equal(identity);
      expect((await leases(one)).get(address)).to.equal(identity);
      expect(await started(original, 'con')).not.to.equal(address);
    });
  });
}
