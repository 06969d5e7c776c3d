import { z } from 'zod';
import { AppError } from '../base/errors.js';
import type { WarnLog } from '../base/log.js';
import { DEFAULT_VXLAN_PORT, FORMER_VXLAN_PORT } from '../base/ports.js';
import { vxlanPort } from '../config/cluster.js';
import type { Store } from '../store/store.js';
import { MEMBERS } from './hosts/records.js';

const KEY = 'cluster/settings';
/**
 * The newest version of the record that is understood here. A setting that every host has to follow raises it, so that older hosts are
 * refused; one that a host may ignore does not: fields that are not known are left as they are.
 */
const NEWEST = 1;

const anyVersion = z.looseObject({ version: z.int().positive() });
const settingsRecord = anyVersion.extend({ vxlanPort });

/** What must be the same on all hosts of a cluster. Chosen by the host that begins it, and never changed. */
export interface ClusterSettings {
  /** UDP port of the tunnels. */
  vxlanPort: number;
}

/** What a host would choose. */
export interface SettingsWish extends Partial<ClusterSettings> {
  /** Whether to refuse a cluster that has chosen otherwise. */
  insist: boolean;
}

/**
 * The settings of the cluster that has this store. The first host chooses them, or one of those that come at the same time.
 *
 * @throws AppError `conflict` when this host cannot, or does not want to, follow them
 */
export async function agreeOnSettings(
  store: Store,
  wish: SettingsWish,
  log: WarnLog,
): Promise<ClusterSettings> {
  const settings = (await read(store)) ?? (await choose(store, wish));
  const { vxlanPort: wanted, insist } = wish;
  if (wanted === undefined || wanted === settings.vxlanPort) return settings;
  const line = `cluster.vxlanPort is ${wanted} in this host's agent.yml, but the cluster sends tunnels to UDP ${settings.vxlanPort}`;
  if (insist) throw new AppError('conflict', `${line}: take it out of agent.yml, and restart the agent`);
  log.warn(`${line}, which this host follows`);
  return settings;
}

async function choose(store: Store, wish: SettingsWish): Promise<ClusterSettings> {
  // Members without settings: an older version began this cluster. Others write them first, and perhaps only now.
  if ((await store.list(MEMBERS)).length > 0) return (await read(store)) ?? { vxlanPort: FORMER_VXLAN_PORT };
  const chosen = { version: NEWEST, vxlanPort: wish.vxlanPort ?? DEFAULT_VXLAN_PORT };
  await store.commit([{ key: KEY, value: JSON.stringify(chosen), ifVersion: 0 }]);
  // Another host may have been quicker.
  return (await read(store)) ?? chosen;
}

async function read(store: Store): Promise<ClusterSettings | undefined> {
  const entry = await store.get(KEY);
  if (!entry) return undefined;
  const found = parse(anyVersion, entry.value);
  if (found.version > NEWEST) {
    throw new AppError(
      'conflict',
      `the settings of the cluster are of version ${found.version}, and this host knows ${NEWEST}: update SocketPlane on it`,
    );
  }
  return { vxlanPort: parse(settingsRecord, entry.value).vxlanPort };
}

function parse<T>(format: z.ZodType<T>, text: string): T {
  try {
    return format.parse(JSON.parse(text));
  } catch (cause) {
    throw new AppError('conflict', `the settings of the cluster (${KEY} in its store) cannot be understood`, {
      cause,
    });
  }
}
