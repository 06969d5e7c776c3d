import type { Attached } from '../docker/docker.js';
import { ADDRESS_OPTION, KEPT } from '../docker/driver-names.js';

/** The parts of Docker's `EndpointSettings` that say which address a container has. */
export interface AddressSettings {
  IPAMConfig?: { IPv4Address?: string | null } | null;
  DriverOpts?: Record<string, string> | null;
}

/**
 * Whether these settings ask for an address that we chose. Tools copy the settings of one container to the next, which may not
 * take the address along: it belongs to the first one.
 */
export function isOurChoice({ DriverOpts }: AddressSettings): boolean {
  return DriverOpts?.[ADDRESS_OPTION] === KEPT;
}

/** The address that the user asked for; undefined when none did. */
export function userAddress(settings: AddressSettings): string | undefined {
  return isOurChoice(settings) ? undefined : (settings.IPAMConfig?.IPv4Address ?? undefined) || undefined;
}

/** The settings by which Docker asks for this address at each start. */
export function keepingSettings<S extends AddressSettings>(settings: S, ip: string) {
  return {
    ...settings,
    IPAMConfig: { ...settings.IPAMConfig, IPv4Address: ip },
    DriverOpts: { ...settings.DriverOpts, [ADDRESS_OPTION]: KEPT },
  };
}

/** Whether a container's place on a network has an address that we keep for it. */
export function isKept({ options }: Attached): boolean {
  return options[ADDRESS_OPTION] === KEPT;
}
