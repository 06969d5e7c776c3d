import { z } from 'zod';
import { AppError } from '../base/errors.js';
import type { Network, NetworkRecord } from '../base/model.js';
import type { Entry } from '../store/store.js';

/** Prefix of the keys under which networks are stored; the rest of the key is the network's id. */
export const NETWORKS_PREFIX = 'networks/';
export const MAX_VNI = 2 ** 24 - 1;

const storedNetwork = z.object({
  id: z.string(),
  subnet: z.string(),
  gateway: z.string(),
  vni: z.number().int().positive().max(MAX_VNI),
  /** Set while a removal makes sure that no lease is left; no address is leased in the meantime. */
  removing: z.boolean().optional(),
});
export type StoredNetwork = z.infer<typeof storedNetwork>;

/** @throws AppError `internal` */
export function parseNetwork(entry: Entry): StoredNetwork {
  try {
    return storedNetwork.parse(JSON.parse(entry.value));
  } catch (cause) {
    throw new AppError('internal', `the store holds no valid network at ${entry.key}`, { cause });
  }
}

/** Undefined when there is no entry, or the network is being removed. */
export function recordIn(entry: Entry | undefined): NetworkRecord | undefined {
  if (!entry) return undefined;
  const stored = parseNetwork(entry);
  return stored.removing ? undefined : { network: toNetwork(stored), version: entry.version };
}

export function toNetwork({ id, subnet, gateway, vni }: StoredNetwork): Network {
  return { id, subnet, gateway, vni };
}
