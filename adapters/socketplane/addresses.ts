import { macOf } from '../../lib/base/ipv4.js';
import type { Network } from '../../lib/base/model.js';
import { ADDRESS_OPTION } from '../../lib/docker/driver-names.js';
import type { Addresses, FutureContainer } from '../../lib/endpoints/addresses.js';
import { isOurChoice, keepingSettings } from '../../lib/endpoints/kept-address.js';
import type { Lease } from '../../lib/ipam/ipam.js';
import type { EndpointSettings } from './create-body.js';

/** Endpoint settings as Docker gets them, and the lease that they rely on, unless the user chose the address. */
export interface Placed {
  settings: NonNullable<EndpointSettings>;
  lease?: Lease;
}

/**
 * Settings for a container's place on one of our networks: with the address that the user asked for, or one that stays the
 * container's.
 *
 * @param requested what the user asked for
 * @throws AppError what leasing throws
 */
export async function place(
  sent: NonNullable<EndpointSettings>,
  network: Network,
  requested: string | undefined,
  { addresses, future }: { addresses: Pick<Addresses, 'keep' | 'foresee'>; future: FutureContainer },
): Promise<Placed> {
  const settings = withoutOurs(sent);
  if (requested === undefined) {
    const lease = await addresses.keep(network.id, future);
    return { settings: keepingSettings(settings, lease.ip), lease };
  }
  addresses.foresee(network.id, requested);
  // Docker says whether it can have it, when the container starts: until then its present owner may be gone.
  return { settings: { ...settings, IPAMConfig: { ...settings.IPAMConfig, IPv4Address: requested } } };
}

/** Without what was copied from a container whose address we chose: address, mark, and the MAC that follows from the address. */
function withoutOurs(settings: NonNullable<EndpointSettings>): NonNullable<EndpointSettings> {
  if (!isOurChoice(settings)) return settings;
  const { [ADDRESS_OPTION]: _mark, ...DriverOpts } = settings.DriverOpts ?? {};
  const { IPv4Address: ip, ...IPAMConfig } = settings.IPAMConfig ?? {};
  const isFollowing = ip && settings.MacAddress?.toLowerCase() === macOf(ip);
  return { ...settings, IPAMConfig, DriverOpts, ...(isFollowing && { MacAddress: '' }) };
}
