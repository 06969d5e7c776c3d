import { setTimeout as sleep } from 'node:timers/promises';
import type { NetworkRecord } from '../../../lib/base/model.js';
import { grantTo } from '../../support/leases.js';
import { median } from '../median.js';
import { joinHost, type SimulatedHost } from './host.js';
import { containerId, fill, type Place } from './place.js';

const STARTS = 20;
const CREATES = 5;
/** By then the later effects of a change are over too: the feed of changes has been collected. */
const QUIET_MS = 3_000;
const POLL_MS = 2;

/** For each host: the median, and the slowest where that is informative. */
export interface Cost {
  ms: number;
  slowest: number;
  /** Bytes that the host received. */
  bytes: number;
}

export interface ChangeCosts {
  join: Cost;
  /** Cost to each of the other hosts. */
  start: Cost;
  create: Cost;
}

/** What changes cost a number of watching hosts, in addition to those that the store knows. */
export async function changeCosts(
  place: Place,
  { stored, endpoints, live }: { stored: number; endpoints: number; live: number },
): Promise<ChangeCosts> {
  const record = await fill(place, stored, endpoints);
  const hosts: SimulatedHost[] = [];
  const joins: number[] = [];
  try {
    for (let number = 0; number < live; number++) {
      const began = performance.now();
      hosts.push(await joinHost(place, `live${number}`, `192.0.${number >> 8}.${number & 255}`));
      joins.push(performance.now() - began);
    }
    const [last] = hosts.slice(-1);
    await sleep(QUIET_MS);
    const bytes = last?.received() ?? NaN;
    const join = { ms: median(joins), slowest: Math.max(...joins), bytes };
    const [writer, ...others] = hosts as [SimulatedHost, ...SimulatedHost[]];
    const start = await cost(others, STARTS, () => startContainer(writer, record));
    const create = await cost(others, CREATES, (turn) => createNetwork(writer, turn));
    return { join, start, create };
  } finally {
    await Promise.all(hosts.map((host) => host.leave()));
  }
}

type Change = (turn: number) => Promise<(host: SimulatedHost) => boolean>;

/** @param change made this many times; returns a function that tells whether a host has learnt of it */
async function cost(hosts: SimulatedHost[], times: number, change: Change): Promise<Cost> {
  const before = hosts.map((host) => host.received());
  const taken: number[] = [];
  for (let turn = 0; turn < times; turn++) {
    const began = performance.now();
    const knows = await change(turn);
    for (let waiting = hosts; waiting.length > 0;) {
      const left = waiting.filter((host) => !knows(host));
      taken.push(...Array<number>(waiting.length - left.length).fill(performance.now() - began));
      waiting = left;
      if (left.length > 0) await sleep(POLL_MS);
    }
    await sleep(200);
  }
  await sleep(QUIET_MS);
  const bytes = hosts.map((host, at) => (host.received() - (before[at] ?? 0)) / times);
  return { ms: median(taken), slowest: Math.max(...taken), bytes: median(bytes) };
}

async function startContainer(writer: SimulatedHost, record: NetworkRecord) {
  const container = containerId();
  const name = container.slice(0, 12);
  const lease = await writer.ipam.lease(record, grantTo(container, { names: [name] }));
  return (host: SimulatedHost) =>
    host.remotes.has(`${lease.network} ${lease.ip}`) &&
    host.names.addresses(lease.network, name).includes(lease.ip);
}

async function createNetwork(writer: SimulatedHost, turn: number) {
  const id = `net${turn}`;
  await writer.networks.create(id, { subnet: `172.20.${turn}.0/24` });
  return (host: SimulatedHost) => host.knowsNetwork(id);
}
