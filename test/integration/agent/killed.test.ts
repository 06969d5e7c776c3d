import { expect } from 'chai';
import type { Node } from '../../lab/node.js';
import { until } from '../../support/until.js';
import { addressOf, CASE_MS, firstPacketReaches, untilNothingIsLeft, useNode } from './suite.js';

/** MANY=50 goes on for longer: Docker itself needs about half a second of a small machine for each container. */
const MANY = Number(process.env['MANY'] ?? 12);
/** Addresses that were leased for containers which were never made come back after half a minute. */
const PATIENCE_MS = 120_000;

const VICTIMS: Record<string, (node: Node) => Promise<void>> = {
  agent: (node) => node.startAgent(),
  plugin: (node) => node.startPlugin(),
  proxy: (node) => node.startProxy(),
  dockerd: (node) => node.startDocker(),
};

describe('kill -9 in the middle', function () {
  this.timeout(2 * CASE_MS);
  const { node: current } = useNode();
  const names = Array.from({ length: MANY }, (_, index) => `many${index}`);

  /** Runs a task for each name, kills a program when half of them are done, and starts it again. */
  async function interrupted(victim: string, task: (name: string) => Promise<unknown>): Promise<void> {
    const node = current();
    let done = 0;
    const tasks = names.map(async (name) => {
      await task(name);
      done++;
    });
    await until('half of them', async () => done >= MANY / 2, PATIENCE_MS);
    await node.stop(victim, 'SIGKILL');
    await VICTIMS[victim]!(node);
    await Promise.all(tasks);
  }

  const endpointsInDocker = async () => {
    const { stdout } = await current().docker('network', 'inspect', '-f', '{{len .Containers}}', 'web');
    return Number(stdout);
  };

  const hasSandbox = async (name: string) => {
    const { stdout } = await current().docker('inspect', '-f', '{{.NetworkSettings.SandboxID}}', name);
    return stdout !== '';
  };

  for (const victim of Object.keys(VICTIMS)) {
    it(`of ${victim}: after ${MANY} starts, and after ${MANY} removals, nothing is too many or too few`, async () => {
      const node = current();
      const run = (name: string) => [
        'run',
        '-d',
        '--name',
        name,
        '--network',
        'web',
        'busybox',
        'sleep',
        '1d',
      ];
      await interrupted(victim, (name) => node.sp(run(name), { reject: false }));
      for (const name of names) {
        const started = await node.sp(['start', name], { reject: false });
        if (started.exitCode === 0 && (await hasSandbox(name))) continue;
        // It was not made; or Docker, killed itself, left its process behind: it does not start it again, or lets it run without any network.
        await node.sp(['rm', '-f', name], { reject: false });
        await node.sp(run(name));
      }
      const addresses = await Promise.all(names.map((name) => addressOf(node, name)));
      expect(new Set(addresses).size).to.equal(MANY);
      for (const address of addresses.slice(1))
        expect(await firstPacketReaches(node, names[0]!, address), address).to.equal(true);
      await until(
        'as many of everything as there are containers',
        async () => {
          // Docker may take a moment to see that it has lost one.
          await node.sp(['start', ...names], { reject: false });
          const { leases, ports, links } = await node.traces();
          return expect([leases, ports.length, links.length, await endpointsInDocker()]).to.deep.equal([
            ...[MANY, MANY, MANY, MANY],
          ]);
        },
        PATIENCE_MS,
      );

      await interrupted(victim, (name) => node.sp(['rm', '-f', name], { reject: false }));
      await node.sp(['rm', '-f', ...names], { reject: false });
      await untilNothingIsLeft(node);
      expect(await endpointsInDocker()).to.equal(0);
    });
  }
});
