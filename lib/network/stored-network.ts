import { z } from 'zod';
import { AppError } from '../base/errors.js';
import type { Network, NetworkRecord, NetworkSettings } from '../base/model.js';
import type { Entry } from '../store/store.js';

/** Prefix of the keys under which networks are stored; the rest of the key is the network's id. */
export const NETWORKS_PREFIX = 'networks/';
export const MAX_VNI = 2 ** 24 - 1;

const texts = z.record(z.string(), z.string());

const storedSettings = z.object({
  internal: z.boolean().optional(),
  namesGateway: z.boolean().optional(),
  range: z.string().optional(),
  aux: texts.optional(),
  labels: texts.optional(),
  options: texts.optional(),
});

const storedNetwork = z.object({
  id: z.string(),
  subnet: z.string(),
  gateway: z.string(),
  vni: z.number().int().positive().max(MAX_VNI),
  settings: storedSettings.optional(),
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

export function toNetwork({ id, subnet, gateway, vni, settings }: StoredNetwork): Network {
  const chosen = compact(settings);
  return { id, subnet, gateway, vni, ...(chosen && { settings: chosen }) };
}

/** The settings without what says nothing; undefined when nothing is left. */
export function compact({ internal, namesGateway, range, aux, labels, options }: NetworkSettings = {}):
  NetworkSettings | undefined {
  const some = (record: Record<string, string> | undefined) => record && Object.keys(record).length > 0;
  const settings: NetworkSettings = {
    ...(internal && { internal }),
    ...(namesGateway && { namesGateway }),
    ...(range !== undefined && { range }),
    ...(some(aux) && { aux }),
    ...(some(labels) && { labels }),
    ...(some(options) && { options }),
  };
  return Object.keys(settings).length > 0 ? settings : undefined;
}
