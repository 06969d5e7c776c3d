/**
 * Three hosts, on which containers come and go in all ways while parts are killed, cables cut and rules flushed; in between
 * everything is counted. `npm run soak -- --minutes 60 --seed 7`. Ends with status 1 when anything is not as it should be.
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import { messageOf } from '../../lib/base/errors.js';
import { createLab } from '../lab/lab.js';
import type { Node } from '../lab/node.js';
import { reportTable } from '../support/report-table.js';
import { seconds } from '../support/until.js';
import { createAddresses } from './addresses.js';
import { audit, settledInventory } from './audit.js';
import { startCluster } from './cluster.js';
import { createDice } from './dice.js';
import { dockerCalls } from './docker-calls.js';
import { FAULTS, untilRecovered } from './faults.js';
import { WEB } from './networks.js';
import { createRecord } from './record.js';
import { growths, mebi, sizesOn, type Size } from './sizes.js';
import { createWeather } from './weather.js';
import { createWorkers } from './workers.js';

/** The part of the time in which things are broken; in the rest memory is measured, which a process that dies does not show. */
const STORMY = 0.7;
/** Between two audits. */
const ROUND_MS = 300_000;
/** Of the calm: caches fill. */
const WARM_UP = 0.25;
const FAULT_STREAM = 0;

function whole(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('a whole number is expected');
  return Number(text);
}

const options = new Command('soak')
  .option('--minutes <n>', 'how long', whole, 60)
  .option('--seed <n>', 'the same number has the same things happen', whole, Math.floor(Math.random() * 1e9))
  .option('--workers <n>', 'containers that come and go at a time, on each host', whole, 2)
  .option('--only <fault>', 'break only this')
  .parse()
  .opts<{ minutes: number; seed: number; workers: number; only?: string }>();

const faults = FAULTS.filter(([, name]) => options.only === undefined || name === options.only);
if (faults.length === 0) {
  console.error(`soak: there is no fault '${options.only}': ${FAULTS.map(([, name]) => name).join(', ')}`);
  process.exit(2);
}

const record = createRecord(join(tmpdir(), `socketplane-soak-${options.seed}`));
record.say(`seed ${options.seed}, ${options.minutes} minutes; journal and logs in ${record.folder}`);
const weather = createWeather();
const addresses = createAddresses(record);
const recoveries = new Map<string, number[]>();
let probes = 0;

/** Starts a container that finds these by their names, and removes it. Docker takes its time to start again what ran on a host. */
async function probe(node: Node, names: readonly string[]): Promise<void> {
  const name = `probe${probes++}`;
  const docker = dockerCalls(node);
  const script = names.map((one) => `ping -c 1 -W 5 ${one}`).join(' && ');
  const Cmd = ['sh', '-c', script];
  await docker.create(name, { Image: 'busybox', Cmd, HostConfig: { NetworkMode: WEB.id } });
  try {
    const ended = docker.wait(name, 'next-exit');
    ended.catch(() => undefined);
    await docker.start(name);
    const status = await ended;
    if (status !== 0) throw new Error(`${name} ended with ${status}: ${await docker.logs(name)}`);
  } finally {
    await docker.remove(name);
  }
}

const lab = await createLab();
let nodes: Node[] = [];
try {
  const cluster = await startCluster(lab);
  nodes = cluster.nodes;
  const survivors = cluster.survivors.map(({ name }) => name);
  const expected = await settledInventory(nodes);
  const workers = createWorkers({
    ...{ nodes, survivors, addresses, weather, record },
    ...{ onEach: options.workers, seed: options.seed },
  });
  const dice = createDice(options.seed, FAULT_STREAM);

  async function breakSomething(): Promise<void> {
    const at = dice.weighted(faults.map((fault) => [fault[0], fault] as const));
    const [, name, fault] = at;
    await weather.disturb(name, async () => {
      record.note(`fault: ${name}`);
      await fault({ nodes, dice, addresses });
      const mended = performance.now();
      try {
        await untilRecovered(nodes, (node) => probe(node, survivors));
      } catch (error) {
        record.found(`after "${name}": ${messageOf(error)}`);
      }
      recoveries.set(name, [...(recoveries.get(name) ?? []), performance.now() - mended]);
      record.note(`recovered from ${name} in ${seconds(mended)}`);
    });
    await sleep(1_000 * dice.between(1, 8));
  }

  async function check(): Promise<Size[]> {
    const began = performance.now();
    for (const wrong of await audit(cluster, expected)) record.found(wrong);
    record.say(
      `audit: ${workers.total} lives, ${[...recoveries.values()].flat().length} faults, ${record.findings.length} findings (${seconds(began)})`,
    );
    return (await Promise.all(nodes.map(sizesOn))).flat();
  }
  const goesOn = () => record.findings.length === 0;

  const end = performance.now() + options.minutes * 60_000;
  const stormEnd = performance.now() + options.minutes * 60_000 * STORMY;
  while (goesOn() && performance.now() < stormEnd) {
    const roundEnd = Math.min(performance.now() + ROUND_MS, stormEnd);
    await workers.during(async () => {
      while (goesOn() && performance.now() < roundEnd) await breakSomething();
    });
    await check();
  }

  if (goesOn()) {
    const live = (ms: number) => workers.during(() => sleep(ms));
    await live((end - performance.now()) * WARM_UP);
    const before = await check();
    await live(Math.max(0, end - performance.now()));
    const after = await check();
    for (const growth of growths(before, after)) record.found(growth);
    const table = reportTable(['process', 'MiB before', 'MiB after', 'descriptors before', 'after']);
    for (const now of after) {
      const then = before.find((size) => size.process === now.process);
      table.push([
        now.process,
        mebi(then?.memory ?? 0),
        mebi(now.memory),
        then?.descriptors,
        now.descriptors,
      ]);
    }
    console.log(table.toString());
  }

  const lives = reportTable(['life', 'lived', 'broken off by faults']);
  for (const [name, { lived, broken }] of workers.counts) lives.push([name, lived, broken]);
  console.log(lives.toString());
  const faultTable = reportTable(['fault', 'times', 'median s until all is well', 'at most']);
  for (const [name, times] of recoveries) {
    const sorted = times.map((ms) => ms / 1_000).sort((a, b) => a - b);
    const [middle, last] = [sorted[Math.floor(sorted.length / 2)]!, sorted.at(-1)!];
    faultTable.push([name, sorted.length, middle.toFixed(1), last.toFixed(1)]);
  }
  console.log(faultTable.toString());
  record.say(`${workers.total} lives, ${record.findings.length} findings, seed ${options.seed}`);
} catch (error) {
  record.found(messageOf(error));
} finally {
  if (record.findings.length > 0) await record.keepLogs(nodes).catch(() => undefined);
  await lab.destroy();
}
for (const finding of record.findings) console.log(`- ${finding}`);
process.exit(record.findings.length > 0 ? 1 : 0);
