import { AppError, messageOf } from '../base/errors.js';

/** Docker's name for the plugin, which is that of its socket, and the driver that its networks name. */
export const PLUGIN_NAME = 'socketplane';

/** Content type of every answer. */
export const PLUGIN_TYPE = 'application/vnd.docker.plugins.v1.2+json';

/**
 * Calls whose answers never change, by path; the plugin process gives them itself. The first ones Docker makes while it starts,
 * when there may be no agent yet; the others at every start of a container, though nothing has to be done for them: ports are
 * published by Docker, and what it asks of an endpoint it knows already.
 */
export const FIXED_ANSWERS = {
  '/Plugin.Activate': { Implements: ['NetworkDriver', 'IpamDriver'] },
  // Each host has its own record of a network, but its containers reach those of other hosts.
  '/NetworkDriver.GetCapabilities': { Scope: 'local', ConnectivityScope: 'global' },
  '/IpamDriver.GetCapabilities': { RequiresMACAddress: false, RequiresRequestReplay: false },
  '/IpamDriver.GetDefaultAddressSpaces': {
    LocalDefaultAddressSpace: 'socketplane',
    GlobalDefaultAddressSpace: 'socketplane-global',
  },
  '/NetworkDriver.ProgramExternalConnectivity': {},
  '/NetworkDriver.RevokeExternalConnectivity': {},
  '/NetworkDriver.EndpointOperInfo': { Value: {} },
  '/NetworkDriver.DiscoverNew': {},
  '/NetworkDriver.DiscoverDelete': {},
} as const satisfies Record<string, object>;

/**
 * Calls that take something down. Docker goes on without their answer, and after a power loss makes them one by one before
 * its API opens. So they never wait for an agent that is away: its own sweep removes what is left.
 */
export const TAKE_DOWN_CALLS: ReadonlySet<string> = new Set([
  '/NetworkDriver.Leave',
  '/NetworkDriver.DeleteEndpoint',
  '/NetworkDriver.DeleteNetwork',
  '/IpamDriver.ReleaseAddress',
  '/IpamDriver.ReleasePool',
]);

/** What a failure begins with that will pass. Docker keeps the text with the container that it could not start. */
const NOT_NOW = 'not now: ';

/** Whether Docker could not start a container because of a failure that will pass; takes what it says of the container. */
export const isPassing = (startError: string): boolean => startError.includes(`remote: ${NOT_NOW}`);

/**
 * The body of an answer with status 200 that fails a call. Docker shows the text to its user. The two drivers have different fields for
 * it.
 */
export function failureBody(path: string, error: unknown): { Err: string } | { Error: string } {
  const text = messageOf(error);
  const said = error instanceof AppError && error.kind === 'unavailable' ? `${NOT_NOW}${text}` : text;
  return path.startsWith('/IpamDriver.') ? { Error: said } : { Err: said };
}
