import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Node } from '../lab/node.js';
import { until } from '../support/until.js';
import type { Cluster } from './cluster.js';
import { addressesIn, dockerCalls } from './docker-calls.js';
import { APPS, WEB } from './networks.js';

const SETTLE_MS = 180_000;
const REST_MS = 5_000;
const COMMAND = join(import.meta.dirname, '../../bin/socketplane');
/** Feeds of changes are collected now and then. */
const FEED_KEYS = 40;

/** What there is while only the survivors run; it must be the same whenever nothing else does. */
export type Inventory = { [what: string]: unknown };

/** What a host has of containers: all of ours, and of Docker's what goes with it. */
async function inventoryOf(node: Node): Promise<Inventory> {
  const docker = dockerCalls(node, 'docker');
  const lines = async (...argv: string[]) => (await node.run(argv)).stdout.split('\n').filter(Boolean);
  const { leases, ports, flows, links } = await node.traces();
  const inspect = async (network: string) => {
    const { json } = await docker.call('GET', `/networks/${network}`);
    const there = Object.values((json as { Containers: { [id: string]: { Name: string } } }).Containers);
    return there.map(({ Name }) => Name).sort();
  };
  const networks = (await docker.call('GET', '/networks')).json as { Name: string }[];
  const rules = (await lines('iptables-save')).filter((line) => /^-A SOCKETPLANE/.test(line));
  const processes = await lines('ps', '-eo', 'comm=');
  return {
    leases,
    ports: ports.length,
    'flows of endpoints': flows,
    links: links.length,
    'all links': (await lines('ip', '-o', 'link')).length,
    "Docker's networks": networks.map(({ Name }) => Name).sort(),
    'containers on web': await inspect(WEB.id),
    'containers on apps': await inspect(APPS.id),
    containers: (await docker.list()).map(({ Names, State }) => `${Names[0]} ${State}`).sort(),
    'firewall rules': rules.sort(),
    'processes of ip': processes.filter((name) => name === 'ip').length,
  };
}

async function inventoryOfStore([node]: readonly Node[]): Promise<Inventory> {
  const keys = await node!.storedKeys('');
  const byKind = new Map<string, number>();
  for (const key of keys) {
    // Above `data/` are folders by kind.
    const [top = '', folder = ''] = key.split('/');
    const kind = top === 'data' ? folder : top;
    byKind.set(kind, (byKind.get(kind) ?? 0) + 1);
  }
  const feed = byKind.get('feed') ?? 0;
  byKind.delete('feed');
  return { ...Object.fromEntries(byKind), feed: feed < FEED_KEYS ? 'short' : `${feed} keys` };
}

async function inventory(nodes: readonly Node[]): Promise<{ [place: string]: Inventory }> {
  const places: { [place: string]: Inventory } = { store: await inventoryOfStore(nodes) };
  for (const node of nodes) places[node.name] = await inventoryOf(node);
  return places;
}

/** The same as soon as it has stayed so for a while: what made the hosts what they are leaves things that go by themselves. */
export async function settledInventory(nodes: readonly Node[]): Promise<{ [place: string]: Inventory }> {
  let [before, now] = [await inventory(nodes), await inventory(nodes)];
  await until(
    'the hosts to be at rest',
    async () => {
      await sleep(REST_MS);
      [before, now] = [now, await inventory(nodes)];
      return isDeepStrictEqual(before, now) && now['store']?.['feed'] === 'short';
    },
    SETTLE_MS,
  );
  return now;
}

function differences(then: { [place: string]: Inventory }, now: { [place: string]: Inventory }): string[] {
  return Object.entries(now).flatMap(([place, found]) => {
    const expected = then[place] ?? {};
    const names = new Set([...Object.keys(found), ...Object.keys(expected)]);
    return [...names]
      .filter((name) => !isDeepStrictEqual(found[name], expected[name]))
      .map(
        (name) =>
          `${place}, ${name}: ${JSON.stringify(found[name])} instead of ${JSON.stringify(expected[name])}`,
      );
  });
}

/** Each survivor has its addresses, and reaches every other by address on both networks, and by name. */
async function lost({ survivors }: Cluster): Promise<string[]> {
  const targets = survivors.flatMap(({ name, addresses }) => [name, ...Object.values(addresses)]);
  const script = 'for it; do ping -c 1 -W 10 $it >/dev/null 2>&1 || echo $it; done';
  const each = survivors.map(async ({ name, node, addresses }) => {
    const now = addressesIn(await dockerCalls(node, 'docker').inspect(name));
    if (!isDeepStrictEqual(now, addresses))
      return [`${name} had ${JSON.stringify(addresses)}, and has ${JSON.stringify(now)}`];
    const { stdout } = await node.docker('exec', name, 'sh', '-c', script, 'sh', ...targets);
    return stdout
      .split('\n')
      .filter(Boolean)
      .map((target) => `${name} does not reach ${target}`);
  });
  return (await Promise.all(each)).flat();
}

/** What `socketplane doctor` finds on a host, but for what it says of machines like this one. */
async function diagnosed(node: Node): Promise<string[]> {
  const { stdout } = await node.run([COMMAND, 'doctor', '--json'], { reject: false });
  const said = JSON.parse(stdout) as { check: string; level: string; message: string }[];
  return said
    .filter(({ level }) => level === 'problem')
    .map(({ check, message }) => `doctor on ${node.name}: ${check}: ${message}`);
}

/** Everything that is not as it should be while nothing but the survivors runs; empty when all is. */
export async function audit(cluster: Cluster, expected: { [place: string]: Inventory }): Promise<string[]> {
  let wrong: string[] = [];
  const look = async () => {
    wrong = differences(expected, await inventory(cluster.nodes));
    if (wrong.length === 0) wrong = await lost(cluster);
    return wrong.length === 0;
  };
  // What is taken away behind the user's command takes its time.
  await until('all to be as before', look, SETTLE_MS).catch((error: unknown) => {
    if (wrong.length === 0) wrong = [String(error)];
  });
  for (const node of cluster.nodes) wrong.push(...(await diagnosed(node)));
  return wrong;
}
