import { AppError } from '../base/errors.js';
import type { Run } from '../os/exec.js';
import { PLUGIN_NAME } from '../plugin/calls.js';
import { PART_LABEL } from '../docker/labels.js';

const TIMEOUT_MS = 300_000;

/** The networks that Docker has with the driver `socketplane`. Docker is asked directly, never through our own proxy. */
export function createPluginNetworks(run: Run, dockerSocket: string) {
  const docker = async (...args: string[]) =>
    (await run(['docker', '--host', `unix://${dockerSocket}`, ...args], { timeout: TIMEOUT_MS }))
      .split('\n')
      .filter(Boolean);

  /** Containers on a network, running or not: without it, the others could not be started again. */
  const containersOn = (network: string, ...filter: string[]) =>
    docker('ps', '--all', '--filter', `network=${network}`, ...filter, '--format', '{{.Names}}');

  const list = () => docker('network', 'ls', '--filter', `driver=${PLUGIN_NAME}`, '--format', '{{.Name}}');

  /** SocketPlane's own containers on the networks. @throws AppError `conflict` where there are others */
  async function ownOn(networks: readonly string[]): Promise<[network: string, container: string][]> {
    const own: [network: string, container: string][] = [];
    const others = new Set<string>();
    for (const network of networks) {
      const ours = new Set(await containersOn(network, '--filter', `label=${PART_LABEL}`));
      for (const container of await containersOn(network)) {
        if (ours.has(container)) own.push([network, container]);
        else others.add(container);
      }
    }
    if (others.size === 0) return own;
    const names = [...others].join(', ');
    throw new AppError(
      'conflict',
      `containers are still on Docker's networks of SocketPlane: ${names}; remove them, or \`docker network disconnect\` them, first`,
    );
  }

  return {
    /** Their names. Docker knows them without asking the plugin. */
    list,
    /** @throws AppError `conflict` where containers are on them that are not SocketPlane's own */
    async refuseInUse(): Promise<void> {
      await ownOn(await list());
    },
    /**
     * Removes all of them, which Docker does only while the plugin answers. A running agent would make them again. May be repeated.
     *
     * @throws AppError `conflict` as {@link refuseInUse}; nothing is removed then
     */
    async removeAll(): Promise<void> {
      const networks = await list();
      for (const [network, container] of await ownOn(networks))
        await docker('network', 'disconnect', '--force', network, container);
      if (networks.length > 0) await docker('network', 'rm', ...networks);
    },
  };
}
