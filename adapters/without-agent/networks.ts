import { z } from 'zod';
import { DRIVER } from '../../lib/docker/driver-names.js';
import { requestUnix } from '../../lib/os/request-unix.js';
import { parseCreateBody } from '../socketplane/create-body.js';
import { selectNetwork } from '../socketplane/select-network.js';

const inspection = z.object({ Driver: z.string() });

const ASK_MS = 3_000;

/**
 * The network of ours that a container would be on; undefined when there is none.
 *
 * @param body of a create call
 * @param docker path of Docker's socket
 * @throws AppError `invalid` when the body makes no sense
 */
export async function networkOf(body: unknown, docker: string): Promise<string | undefined> {
  const create = parseCreateBody(body);
  const selection = selectNetwork(create);
  if (create.NetworkDisabled) return undefined;
  if (selection && selection.by !== 'mode') return selection.network;
  const named = new Set(Object.keys(create.NetworkingConfig?.EndpointsConfig ?? {}));
  if (selection) named.add(selection.network);
  for (const network of named) if (await isOurs(network, docker)) return network;
  return undefined;
}

/** Whether Docker knows a network of this name or id as one of ours. */
export async function isOurs(network: string, docker: string): Promise<boolean> {
  if (['host', 'none', 'bridge', 'default'].includes(network)) return false;
  const path = `/networks/${encodeURIComponent(network)}`;
  const { status, body } = await requestUnix({ socket: docker, path, timeout: ASK_MS });
  return status === 200 && inspection.parse(JSON.parse(body)).Driver === DRIVER;
}
