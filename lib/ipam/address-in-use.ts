import { AppError } from '../base/errors.js';
import { shortId } from '../base/short-id.js';
import type { Lease } from './blocks.js';

/** Begins as Docker says it of an address on its own bridge, so that whoever looks for that finds it. */
export function addressInUse({ ip, network, container, names }: Lease): AppError {
  const owner =
    names[0] ??
    (container === undefined ? 'a container that is being created' : `container ${shortId(container)}`);
  return new AppError('conflict', `Address already in use: ${ip} of network ${network} belongs to ${owner}`);
}
