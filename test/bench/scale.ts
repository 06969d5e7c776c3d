/**
 * What a large cluster costs each of its hosts, on a real Consul: joins, container starts elsewhere and new networks, for
 * growing numbers of endpoints and of watching hosts; and how fast addresses are leased, beside how fast Consul writes. A
 * simulated host does what an agent does without Docker and Open vSwitch; all of them run in this process.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { consulServers } from '../lab/consul.js';
import type { Host } from '../lab/host.js';
import { createLab } from '../lab/lab.js';
import { reportTable } from '../support/report-table.js';
import { changeCosts, type Cost } from './scale/changes.js';
import { leaseRate } from './scale/lease-rate.js';
import { writeRate } from './scale/write-rate.js';

/** Hosts in the store; those that watch are in addition to them. */
const STORED_HOSTS = 1_000;
/** Numbers of endpoints and of watching hosts. */
const GRID = process.env['GRID'] ?? '500x10 5000x10 50000x10 500x100 500x300';
const SERVERS = (process.env['SERVERS'] ?? '1 3').split(' ').map(Number);
const AGENTS = 10;
const ADDRESSES = 20_000;

const lab = await createLab();
const folder = await mkdtemp(join(tmpdir(), 'scale-'));
try {
  for (const count of SERVERS) {
    const hosts: Host[] = [];
    while (hosts.length < count) hosts.push(await lab.addHost());
    const servers = consulServers(hosts);
    await Promise.all(servers.map((server) => server.start()));
    await Promise.all(servers.map((server) => server.ready()));
    const consul = servers[0]?.address ?? '';
    console.log(`${count} Consul server(s)`);
    console.log(await leases(consul));
    if (count === 1) console.log(await changes(consul));
    await Promise.all(servers.map((server) => server.stop()));
  }
} finally {
  await lab.destroy();
  await rm(folder, { recursive: true });
}
process.exit(0);

async function leases(consul: string): Promise<string> {
  const [one, many] = [await writeRate(consul, 1), await writeRate(consul, 64)];
  const { rate, distinct } = await leaseRate(
    { consul, prefix: 'bench/leases/', folder },
    { agents: AGENTS, addresses: ADDRESSES },
  );
  const after = await writeRate(consul, 64);
  const raw = (many + after) / 2;
  const table = reportTable(['', 'per second', 'of 64 writers']);
  const row = (name: string, perSecond: number) =>
    table.push([name, perSecond.toFixed(0), (perSecond / raw).toFixed(2)]);
  row('plain writes to Consul, 1 writer', one);
  row('plain writes to Consul, 64 writers', raw);
  row(`addresses leased by ${AGENTS} agents`, rate);
  return `${table.toString()}\n${ADDRESSES} addresses leased, ${distinct} distinct ones in the store`;
}

async function changes(consul: string): Promise<string> {
  const head = ['endpoints', 'watching hosts', 'join', '', 'start elsewhere', '', 'new network', ''];
  const table = reportTable(head);
  for (const [number, cell] of GRID.split(' ').filter(Boolean).entries()) {
    const [endpoints = 0, live = 0] = cell.split('x').map(Number);
    const place = { consul, prefix: `bench/changes${number}/`, folder };
    const {
      join: joined,
      start,
      create,
    } = await changeCosts(place, { stored: STORED_HOSTS, endpoints, live });
    table.push([endpoints, live, ...[joined, start, create].flatMap(cellsOf)]);
  }
  return `Per host, median (slowest), with ${STORED_HOSTS} hosts in the store\n${table.toString()}`;
}

function cellsOf({ ms, slowest, bytes }: Cost): string[] {
  return [`${ms.toFixed(0)} ms (${slowest.toFixed(0)})`, `${(bytes / 1024).toFixed(1)} KiB`];
}
