import { expect } from 'chai';
import type { Node } from '../../lab/node.js';
import { until } from '../../support/until.js';
import { CASE_MS, useNode } from './suite.js';

const NETWORKS = ['net0', 'net1', 'net2', 'net3'];
const NAMES = Array.from({ length: 12 }, (_, index) => `con${index}`);
/** Docker starts all of them at once, on a busy machine. */
const PATIENCE_MS = 120_000;
const FORMAT =
  '{{.State.Running}} {{.State.StartedAt}} {{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}';

/** How Docker ends and is back, without a command about any container. */
const WAYS: Record<string, (node: Node) => Promise<void>> = {
  'Docker is stopped': async (node) => {
    await node.stop('dockerd');
    await node.startDocker();
  },
  'Docker is killed': async (node) => {
    await node.stop('dockerd', 'SIGKILL');
    await node.startDocker();
  },
  'Docker and the agent are killed': async (node) => {
    await Promise.all([node.stop('dockerd', 'SIGKILL'), node.stop('agent', 'SIGKILL')]);
    await Promise.all([node.startDocker(), node.startAgent()]);
  },
  // As on a slow host where the agent is a container itself: Docker starts each of them once, and gives up after half a minute.
  'Docker is back long before the agent': async (node) => {
    await Promise.all([node.stop('dockerd', 'SIGKILL'), node.stop('agent', 'SIGKILL')]);
    await node.startDocker();
    const errors = async () => (await node.docker('inspect', '-f', '{{.State.Error}}', ...NAMES)).stdout;
    await until('Docker to give up all of them', async () => {
      const lines = (await errors()).split('\n');
      return lines.length === NAMES.length && lines.every((line) => line.includes('not now: '));
    });
    await node.startAgent();
  },
  // In the order of the units.
  'the host is rebooted': async (node) => {
    await node.reboot();
    await Promise.all([node.startPlugin(), node.startOvs()]);
    await Promise.all([node.startAgent(), node.startDocker()]);
    await node.startProxy();
  },
};

describe('several networks, and containers with restart policies on them', function () {
  this.timeout(2 * CASE_MS);
  const { node: current } = useNode();

  interface State {
    running: string;
    since: string;
    ip: string;
  }

  async function states(): Promise<State[]> {
    const { stdout } = await current().docker('inspect', '-f', FORMAT, ...NAMES);
    return stdout.split('\n').map((line) => {
      const [running = '', since = '', ip = ''] = line.split(' ');
      return { running, since, ip };
    });
  }

  const addresses = async () => (await states()).map(({ ip }) => ip);

  /** Each container asks for the other one of its network, by name. */
  async function expectReach(): Promise<void> {
    for (const [index, name] of NAMES.entries()) {
      const peer = NAMES[(index + NETWORKS.length) % NAMES.length]!;
      const ping = () =>
        current()
          .docker('exec', name, 'ping', '-c', '1', '-W', '20', peer)
          .then(() => true);
      await until(`${name} to reach ${peer}`, ping, PATIENCE_MS);
    }
  }

  async function untilBack(before: State[]): Promise<void> {
    const all = async () =>
      (await states()).every(
        ({ running, since }, index) => running === 'true' && since !== before[index]?.since,
      );
    await until('all to run again', all, PATIENCE_MS);
  }

  before(async function () {
    this.timeout(2 * CASE_MS);
    for (const network of NETWORKS) await current().sp(['network', 'create', '-d', 'socketplane', network]);
    for (const [index, name] of NAMES.entries()) {
      const network = NETWORKS[index % NETWORKS.length]!;
      const options = ['--name', name, '--restart', 'always', '--network', network, '--stop-signal', 'KILL'];
      await current().sp(['run', '-d', ...options, 'busybox', 'sleep', '1d']);
    }
    await expectReach();
  });

  for (const [way, happen] of Object.entries(WAYS)) {
    it(`are back on their addresses when ${way}`, async () => {
      const before = await states();
      await happen(current());
      await untilBack(before);
      expect(await addresses()).to.deep.equal(before.map(({ ip }) => ip));
      await expectReach();
    });
  }

  it('run on while Docker is stopped, and killed, with live-restore', async () => {
    const live = '--live-restore';
    const before = await states();
    await current().stop('dockerd');
    await current().startDocker(live);
    await untilBack(before);
    const running = await states();
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      await current().stop('dockerd', signal);
      await current().startDocker(live);
      await until('Docker to know all of them', async () =>
        (await states()).every(({ running: is }) => is === 'true'),
      );
      expect(await states(), signal).to.deep.equal(running);
      await expectReach();
    }
  });
});
