/**
 * What packets cost on SocketPlane networks: between containers on one host, beside Docker's bridge and an Open vSwitch bridge
 * without our rules; and on two hosts, beside the bare underlay and Swarm's overlay. Everything in one run, on one machine.
 */
import { createLab } from '../lab/lab.js';
import { reportTable } from '../support/report-table.js';
import { measure, type Path, type PathLoad } from './net-load.js';
import { dockerPaths, ourPaths } from './net-paths.js';

const lab = await createLab();
try {
  const hosts = [await lab.addHost(), await lab.addHost(), await lab.addHost(), await lab.addHost()] as const;
  const ours = await ourPaths(hosts[0], hosts[1]);
  // On separate hosts, because the Open vSwitch bridge that the userspace datapath needs would slow them down.
  const docker = await dockerPaths(hosts[2], hosts[3]);
  console.log(`Open vSwitch datapath: ${ours.kind}`);
  console.log(await compare('on one host', [...ours.near, ...docker.near]));
  console.log(await compare('on two hosts', [...docker.far, ...ours.far]));
} finally {
  await lab.destroy();
}
process.exit(0);

/** One row for each path, with its ratio to the first one's result. */
async function compare(title: string, paths: Path[]): Promise<string> {
  const table = reportTable([title, 'TCP Gbit/s', '', 'echo µs', '', '64 B kpackets/s', '']);
  let first: PathLoad | undefined;
  for (const path of paths) {
    const load = await measure(path);
    const base = (first ??= load);
    const cells = (['gbits', 'microseconds', 'kpps'] as const).flatMap((key) => [
      load[key].toPrecision(3),
      `×${(load[key] / base[key]).toFixed(2)}`,
    ]);
    table.push([path.name, ...cells]);
  }
  return table.toString();
}
