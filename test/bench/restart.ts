/**
 * How long Docker is away when it is started again, with networks and containers with restart policies on it: on networks of
 * its own bridge, and on SocketPlane's, installed natively and as containers. `npm run bench restart` prints medians of
 * interleaved runs: until Docker's API opens, how much later that is than with its bridge, and until all containers run again.
 * It fails when one of SocketPlane's has another address then.
 */
import { join } from 'node:path';
import type { Host } from '../lab/host.js';
import { createLab } from '../lab/lab.js';
import { startNode, startPlugin, type Node } from '../lab/node.js';
import { needImageBase } from '../support/image-base.js';
import { reportTable } from '../support/report-table.js';
import { until } from '../support/until.js';
import { median } from './median.js';
import { ROOT } from './ways.js';

const NETWORKS = 10;
const CONTAINERS = 20;
const ROUNDS = Number(process.env['ROUNDS'] ?? 3);
const PATIENCE_MS = 300_000;
const INSTALL_MS = 600_000;
const FORMAT = '{{.State.Running}} {{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}';

/** A host with all containers on it, by one way of networking. */
interface Side {
  title: string;
  host: Host;
  driver: string;
  /** Everything, after a reboot, in the order in which the host does it. */
  boot: () => Promise<unknown>;
}

const names = Array.from({ length: CONTAINERS }, (_, index) => `con${index}`);
const LIVE = '--live-restore';

/** What is done to a host, and how it goes on. */
const EVENTS: Record<string, (side: Side) => Promise<() => Promise<unknown>>> = {
  'dockerd, stopped and started': async ({ host }) => {
    await host.stop('dockerd');
    return () => host.startDocker();
  },
  'dockerd, killed and started': async ({ host }) => {
    await host.stop('dockerd', 'SIGKILL');
    return () => host.startDocker();
  },
  reboot: async ({ host, boot }) => {
    await host.reboot();
    return boot;
  },
  'dockerd, stopped and started, live-restore': async ({ host }) => {
    await host.stop('dockerd');
    await host.startDocker(LIVE);
    await untilBack(host);
    await host.stop('dockerd');
    return () => host.startDocker(LIVE);
  },
  'dockerd, killed and started, live-restore': async ({ host }) => {
    await host.stop('dockerd', 'SIGKILL');
    return () => host.startDocker(LIVE);
  },
};

/** The address of each container, once all run. */
async function untilBack(host: Host): Promise<string[]> {
  let lines: string[] = [];
  await until(
    `all containers on ${host.name}`,
    async () => {
      lines = (await host.docker('inspect', '-f', FORMAT, ...names)).stdout.split('\n');
      return lines.every((line) => line.startsWith('true '));
    },
    PATIENCE_MS,
  );
  return lines.map((line) => line.replace('true ', ''));
}

async function fill({ host, driver }: Side, docker: (args: string[]) => Promise<unknown>): Promise<void> {
  for (let number = 0; number < NETWORKS; number++) {
    const subnet = `10.${number + 60}.0.0/24`;
    await docker(['network', 'create', '-d', driver, '--subnet', subnet, `net${number}`]);
  }
  for (const [index, name] of names.entries()) {
    const options = ['--restart', 'always', '--network', `net${index % NETWORKS}`, '--stop-signal', 'KILL'];
    await docker(['run', '-d', '--name', name, ...options, 'busybox', 'sleep', '1d']);
  }
  await untilBack(host);
}

const through = (host: Host) => (args: string[]) =>
  host.run(['docker', '-H', 'unix:///run/socketplane/docker.sock', ...args]);

async function bridgeOn(host: Host): Promise<Side> {
  await host.startDocker();
  await host.importBusybox();
  const boot = () => host.startDocker();
  const side = { title: "Docker's bridge", host, driver: 'bridge', boot };
  await fill(side, (args) => host.docker(...args));
  return side;
}

async function nativeOn(host: Host): Promise<Side> {
  const node: Node = await startNode(host);
  const side: Side = {
    ...{ title: 'SocketPlane, native', host, driver: 'socketplane' },
    async boot() {
      await Promise.all([node.startPlugin(), node.startOvs()]);
      await Promise.all([node.startAgent(), node.startDocker()]);
      await node.startProxy();
    },
  };
  await fill(side, through(host));
  return side;
}

async function containersOn(host: Host): Promise<Side> {
  await Promise.all([host.startDocker(), host.startOvs()]);
  await host.importBusybox();
  await host.run([join(ROOT, 'bin/socketplane'), 'install', 'unattended'], {
    timeout: INSTALL_MS,
  });
  const side: Side = {
    ...{ title: 'SocketPlane, as containers', host, driver: 'socketplane' },
    async boot() {
      await startPlugin(host);
      await Promise.all([host.startDocker(), host.startOvs()]);
    },
  };
  await fill(side, through(host));
  return side;
}

await needImageBase();
const lab = await createLab();
try {
  const sides = [
    await bridgeOn(await lab.addHost()),
    await nativeOn(await lab.addHost()),
    await containersOn(await lab.addHost()),
  ];
  for (const [event, begin] of Object.entries(EVENTS)) {
    const times = new Map(sides.map(({ title }) => [title, { api: [] as number[], back: [] as number[] }]));
    for (let round = 0; round < ROUNDS; round++) {
      for (const side of sides) {
        const { host, title, driver } = side;
        const before = await untilBack(host);
        const goOn = await begin(side);
        const began = performance.now();
        let api = 0;
        const ping = async () => (await host.ask('/run/docker.sock', 'GET', '/_ping')).status === 200;
        const opens = until('the API', ping, PATIENCE_MS).then(() => (api = performance.now() - began));
        await Promise.all([goOn(), opens]);
        const after = await untilBack(host);
        times.get(title)!.api.push(api);
        times.get(title)!.back.push(performance.now() - began);
        if (driver !== 'bridge' && after.join() !== before.join())
          throw new Error(
            `${title}, ${event}: addresses were ${before.join(' ')}, and are ${after.join(' ')}`,
          );
      }
    }
    const table = reportTable([event, 'API opens, s', 'later than bridge', 'min', 'max', 'all are back, s']);
    const seconds = (ms: number) => (ms / 1000).toFixed(1);
    const base = median(times.get(sides[0]!.title)!.api);
    for (const [title, { api, back }] of times)
      table.push([
        title,
        ...[median(api), median(api) - base, Math.min(...api), Math.max(...api), median(back)].map(seconds),
      ]);
    console.log(table.toString());
  }
} finally {
  await lab.destroy();
}
