import { z } from 'zod';
import { AppError, messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { shortId } from '../base/short-id.js';
import type { Attached, Container, Docker } from '../docker/docker.js';
import { keepNothing, type KeptJson } from '../os/kept-json.js';

/**
 * Has Docker take a container off a network and put it on again: nobody else can make its link anew. Aliases and an address in
 * its settings stay; any other address changes.
 */
export interface Reconnector {
  /**
   * Throws what `Docker.disconnect` and `Docker.connect` throw; once the container is off the network, {@link resume} goes on.
   */
  reconnect(container: string, attached: Attached): Promise<void>;
  /**
   * Puts the container on the networks again that it was taken off and could not be put on.
   *
   * @param container as Docker knows it; undefined when it is gone
   */
  resume(id: string, container: Container | undefined): Promise<void>;
  /** Full ids of the containers that {@link resume} has something to do for. */
  unfinished(): string[];
}

type Settings = Record<string, unknown>;

/** Settings of the places that containers have to get back, by container and network's name. */
export const unfinishedPlaces = z.record(z.string(), z.record(z.string(), z.record(z.string(), z.unknown())));
export type UnfinishedPlaces = z.infer<typeof unfinishedPlaces>;

/** @param kept where the places are that have to be got back, should this process end in between */
export function createReconnector({
  docker,
  kept = keepNothing(),
  log,
}: {
  docker: Pick<Docker, 'connect' | 'disconnect'>;
  kept?: KeptJson<UnfinishedPlaces>;
  log: Log;
}): Reconnector {
  const pending = new Map(
    Object.entries(kept.read() ?? {}).map(([id, places]) => [id, new Map(Object.entries(places))] as const),
  );
  const write = () =>
    kept.write(() =>
      Object.fromEntries([...pending].map(([id, places]) => [id, Object.fromEntries(places)])),
    );

  function expect(container: string, network: string, settings: Settings): Promise<void> {
    pending.set(container, (pending.get(container) ?? new Map<string, Settings>()).set(network, settings));
    return write();
  }

  function forget(container: string, network: string): Promise<void> {
    const places = pending.get(container);
    places?.delete(network);
    if (places?.size === 0) pending.delete(container);
    return write();
  }

  async function connect(container: string, network: string, settings: Settings): Promise<void> {
    try {
      await docker.connect(network, container, settings);
    } catch (error) {
      // There is no such network any more: nothing is left to go on with.
      if (!(error instanceof AppError && error.kind === 'notFound')) throw error;
      log.warn('a container is off its network', {
        ...{ container: shortId(container), network, error: messageOf(error) },
      });
    }
    await forget(container, network);
  }

  return {
    async reconnect(container, attached) {
      const { networkId, network, ip } = attached;
      log.warn('connecting a container anew', { container: shortId(container), network, ip });
      const settings = settingsOf(container, attached);
      await expect(container, network, settings);
      try {
        await docker.disconnect(networkId, container);
      } catch (error) {
        await forget(container, network);
        throw error;
      }
      await connect(container, network, settings);
    },
    async resume(id, container) {
      if (!container && pending.delete(id)) await write();
      for (const [network, settings] of pending.get(id) ?? []) {
        const isBack = container?.attached.some((one) => one.network === network);
        if (isBack) await forget(id, network);
        else await connect(id, network, settings);
      }
    },
    unfinished: () => [...pending.keys()],
  };
}

function settingsOf(container: string, { aliases, options, requested }: Attached): Settings {
  return {
    Aliases: aliases.filter((alias) => alias !== shortId(container)),
    DriverOpts: options,
    ...(requested !== undefined && { IPAMConfig: { IPv4Address: requested } }),
  };
}
