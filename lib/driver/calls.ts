import type { z } from 'zod';
import { AppError } from '../base/errors.js';
import type { Driver } from './driver.js';
import * as ipam from './ipam-driver.js';
import * as messages from './messages.js';
import * as network from './network-driver.js';

/** One of Docker's calls, from body to answer. */
export type Call = (driver: Driver, body: unknown) => Promise<object>;

function call<T>(
  schema: z.ZodType<T>,
  handle: (driver: Driver, request: T) => object | Promise<object>,
): Call {
  return async (driver, body) => {
    const parsed = schema.safeParse(body);
    if (parsed.success) return handle(driver, parsed.data);
    const [issue] = parsed.error.issues;
    throw new AppError(
      'invalid',
      `Docker sent ${issue?.path.join('.') || 'a body'} that cannot be read: ${issue?.message}`,
    );
  };
}

/** Swarm alone makes these, and takes no driver of this kind. */
const refuse: Call = async () => {
  throw new AppError('invalid', 'SocketPlane networks are not for Swarm services');
};

/** Docker's calls by path, except those whose answers never change: those the plugin process gives. */
export const CALLS: ReadonlyMap<string, Call> = new Map([
  ['/NetworkDriver.CreateNetwork', call(messages.createNetworkBody, network.createNetwork)],
  ['/NetworkDriver.DeleteNetwork', call(messages.deleteNetworkBody, network.deleteNetwork)],
  ['/NetworkDriver.CreateEndpoint', call(messages.createEndpointBody, network.createEndpoint)],
  ['/NetworkDriver.Join', call(messages.joinBody, network.join)],
  ['/NetworkDriver.Leave', call(messages.onEndpointBody, network.takeDown)],
  ['/NetworkDriver.DeleteEndpoint', call(messages.onEndpointBody, network.takeDown)],
  ['/NetworkDriver.AllocateNetwork', refuse],
  ['/NetworkDriver.FreeNetwork', refuse],
  ['/IpamDriver.RequestPool', call(messages.requestPoolBody, ipam.requestPool)],
  ['/IpamDriver.ReleasePool', call(messages.releasePoolBody, ipam.releasePool)],
  ['/IpamDriver.RequestAddress', call(messages.requestAddressBody, ipam.requestAddress)],
  ['/IpamDriver.ReleaseAddress', call(messages.releaseAddressBody, ipam.releaseAddress)],
]);
