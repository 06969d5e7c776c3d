import { z } from 'zod';
import type { Log } from '../base/log.js';
import { AppError, messageOf } from '../base/errors.js';
import { overlaps, parseCidr } from '../base/ipv4.js';
import type { Network } from '../base/model.js';
import { pause } from '../concurrency/pause.js';
import type { HostRoute } from './choose-subnet.js';
import type { Store } from '../store/store.js';

const PREFIX = 'surroundings/';
/** How often this host looks whether its own have changed, in milliseconds: a laptop moves, a VPN comes up. */
const LOOK_EVERY_MS = 30_000;

const record = z.object({
  name: z.string(),
  routes: z.array(z.object({ subnet: z.string(), what: z.string() })),
});

/** What each host of the cluster reaches somewhere else, which networks must not hide from it. */
export interface Surroundings {
  /** Those of this host as they are now, and those of the other members as they said last. */
  routes(): Promise<HostRoute[]>;
  /** Throws `conflict` when one of these networks hides something from this host that it reaches now. */
  assertFit(networks: readonly Network[]): Promise<void>;
  /** Removes what a host has said. */
  forget(host: string): Promise<void>;
  /** Tells the other hosts about this one, now and whenever something has changed. Resolves when `signal` aborts. */
  tell(signal: AbortSignal): Promise<void>;
}

/** @param read those of this host */
export function createSurroundings({
  store,
  host,
  name,
  read,
  members,
  log,
}: {
  store: Store;
  host: string;
  /** Shown to people on other hosts. */
  name: string;
  read: () => Promise<HostRoute[]>;
  /** Ids of the hosts that belong to the cluster. */
  members: () => Promise<string[]>;
  log: Log;
}): Surroundings {
  async function others(): Promise<HostRoute[]> {
    const entries = await store.list(PREFIX);
    // Hosts that have left may have said something, which counts no more.
    const isMember = new Set(await members());
    return entries.flatMap(({ key, value }) => {
      const id = key.slice(PREFIX.length);
      if (id === host || !isMember.has(id)) return [];
      const parsed = record.safeParse(parse(value));
      return parsed.success ? parsed.data.routes.map((route) => ({ ...route, host: parsed.data.name })) : [];
    });
  }

  async function tellNow(): Promise<void> {
    const value = JSON.stringify({ name, routes: await read() });
    // Somebody else may have removed it: a host that was away for long is forgotten.
    if ((await store.get(PREFIX + host))?.value === value) return;
    await store.commit([{ key: PREFIX + host, value }]);
  }

  return {
    routes: async () => [...(await read()), ...(await others())],
    async assertFit(networks) {
      const routes = await read();
      for (const { id, subnet } of networks) {
        const hidden = routes.find((route) => overlaps(parseCidr(subnet)!, parseCidr(route.subnet)!));
        if (!hidden) continue;
        throw new AppError(
          'conflict',
          `network ${id} (${subnet}) of the cluster overlaps ${hidden.what} of this host: remove one of them first`,
        );
      }
    },
    async forget(gone) {
      await store.commit([{ key: PREFIX + gone, value: null }]);
    },
    async tell(signal) {
      while (!signal.aborted) {
        await tellNow().catch((error: unknown) =>
          log.debug("this host's surroundings are not told", { error: messageOf(error) }),
        );
        await pause(LOOK_EVERY_MS, signal);
      }
    },
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
