import { z } from 'zod';
import { defineAdapter, pathOf, Refused, type ClientRequest } from '../../lib/adapter/index.js';
import { hostPaths } from '../../lib/base/paths.js';
import { containerCall } from '../../lib/docker-api/container-call.js';
import { DRIVER } from '../../lib/docker/driver-names.js';
import { requestUnix } from '../../lib/os/request-unix.js';
import { parseCreateBody, type CreateBody } from '../socketplane/create-body.js';
import { refusing } from '../socketplane/refuse.js';
import { selectNetwork } from '../socketplane/select-network.js';

const options = z.strictObject({
  /** Docker's socket, past the proxy. */
  docker: z.string().startsWith('/').default(hostPaths.dockerSocket),
});
const inspection = z.object({ Driver: z.string() });

const ASK_MS = 3_000;
const OURS = 'SocketPlane';

/**
 * Answers in the place of the agent's adapter while no agent runs: containers that need it are refused in words, all others do not
 * notice. `socketplane: { url: …, protocol: 2, standIn: socketplane/adapters/without-agent }`
 */
export default defineAdapter((setup) => {
  const { docker } = options.parse(setup.options ?? {});

  /** Whether Docker knows a network of this name or id as one of ours. */
  async function isOurs(network: string): Promise<boolean> {
    if (['host', 'none', 'bridge', 'default'].includes(network)) return false;
    const path = `/networks/${encodeURIComponent(network)}`;
    const { status, body } = await requestUnix({ socket: docker, path, timeout: ASK_MS });
    return status === 200 && inspection.parse(JSON.parse(body)).Driver === DRIVER;
  }

  /** A network of ours that the container would be on. */
  async function networkOf(body: CreateBody): Promise<string | undefined> {
    const selection = selectNetwork(body);
    if (body.NetworkDisabled) return undefined;
    if (selection && selection.by !== 'mode') return selection.network;
    const named = new Set(Object.keys(body.NetworkingConfig?.EndpointsConfig ?? {}));
    if (selection) named.add(selection.network);
    for (const network of named) if (await isOurs(network)) return network;
    return undefined;
  }

  async function refuseOurs(request: ClientRequest): Promise<void> {
    if (containerCall(request.Method, pathOf(request))?.kind !== 'create') return;
    const network = await networkOf(parseCreateBody(request.Body));
    if (network === undefined) return;
    throw new Refused(
      `the container is to be on ${OURS} network ${network}, and ${OURS}'s agent is not running: start it with \`socketplane agent start\`, then try again`,
      503,
    );
  }

  return refusing({
    pre: ({ ClientRequest }) => refuseOurs(ClientRequest),
    // It may have ended while Docker made the container.
    post: ({ ClientRequest, ServerResponse }) =>
      ServerResponse.Code === 201 ? refuseOurs(ClientRequest) : undefined,
  });
});
