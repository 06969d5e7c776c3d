import { silentLog } from '../../../lib/base/log.js';
import { createConsulClient } from '../../../lib/store/consul/client.js';
import { createConsulStore } from '../../../lib/store/consul.js';
import { grantTo, storedLeases } from '../../support/leases.js';
import { joinHost } from './host.js';
import { containerId, fill, type Place } from './place.js';

/** Agents lease addresses on one network, all at once. */
export async function leaseRate(
  place: Place,
  { agents, addresses }: { agents: number; addresses: number },
): Promise<{ rate: number; distinct: number }> {
  const record = await fill(place, 0, 0);
  const hosts = [];
  for (let number = 0; number < agents; number++)
    hosts.push(await joinHost(place, `agent${number}`, `192.0.2.${number + 1}`));
  const share = Array.from({ length: addresses / agents });
  const began = performance.now();
  await Promise.all(hosts.flatMap(({ ipam }) => share.map(() => ipam.lease(record, grantTo(containerId())))));
  const seconds = (performance.now() - began) / 1_000;
  await Promise.all(hosts.map((host) => host.leave()));

  const store = createConsulStore({
    client: createConsulClient({ address: place.consul }),
    prefix: place.prefix,
    log: silentLog,
  });
  const leases = await storedLeases(store);
  await store.close();
  const ips = new Set(leases.map(({ ip }) => ip));
  const containers = new Set(leases.map(({ container }) => container));
  return { rate: addresses / seconds, distinct: Math.min(ips.size, containers.size) };
}
