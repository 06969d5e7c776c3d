import { z } from 'zod';
import { defineAdapter, pathOf, Refused, type ClientRequest } from '../../lib/adapter/index.js';
import { hostPaths } from '../../lib/base/paths.js';
import { containerCall } from '../../lib/docker-api/container-call.js';
import { networkCall } from '../../lib/docker-api/network-call.js';
import { refusing } from '../socketplane/refuse.js';

const options = z.strictObject({
  /** Docker's socket, past the proxy. */
  docker: z.string().startsWith('/').default(hostPaths.dockerSocket),
});

const NOT_RUNNING =
  "SocketPlane's agent is not running: start it with `socketplane agent start`, then try again";

/**
 * Answers in the place of the agent's adapter while no agent runs: containers that need it are refused in words, and so is the
 * removal of networks of ours, which the agent would make again; all others do not notice.
 * `socketplane: { url: …, protocol: 2, standIn: socketplane/adapters/without-agent }`
 */
export default defineAdapter((setup) => {
  const { docker } = options.parse(setup.options ?? {});

  async function refuseOurs(request: ClientRequest): Promise<void> {
    if (containerCall(request.Method, pathOf(request))?.kind !== 'create') return;
    // It brings much of the agent's code along, which a proxy whose agent runs has no use for.
    const { networkOf } = await import('./networks.js');
    const network = await networkOf(request.Body, docker);
    if (network === undefined) return;
    throw new Refused(`the container is to be on SocketPlane network ${network}, and ${NOT_RUNNING}`, 503);
  }

  async function refuseRemoval(request: ClientRequest): Promise<void> {
    const call = networkCall(request.Method, pathOf(request));
    if (call?.kind !== 'remove') return;
    const { isOurs } = await import('./networks.js');
    if (await isOurs(call.network, docker))
      throw new Refused(`network ${call.network} is one of SocketPlane's, and ${NOT_RUNNING}`, 503);
  }

  return refusing({
    async pre({ ClientRequest }) {
      await refuseOurs(ClientRequest);
      await refuseRemoval(ClientRequest);
    },
    // The agent may have ended while Docker made the container.
    post: ({ ClientRequest, ServerResponse }) =>
      ServerResponse.Code === 201 ? refuseOurs(ClientRequest) : undefined,
  });
});
