import { z } from 'zod';
import { defineAdapter, pathOf, Refused, type ClientRequest } from '../../lib/adapter/index.js';
import { hostPaths } from '../../lib/base/paths.js';
import { containerCall } from '../../lib/docker-api/container-call.js';
import { refusing } from '../socketplane/refuse.js';

const options = z.strictObject({
  /** Docker's socket, past the proxy. */
  docker: z.string().startsWith('/').default(hostPaths.dockerSocket),
});

/**
 * Answers in the place of the agent's adapter while no agent runs: containers that need it are refused in words, all
 * others do not notice. `socketplane: { url: …, protocol: 2, standIn: socketplane/adapters/without-agent }`
 */
export default defineAdapter((setup) => {
  const { docker } = options.parse(setup.options ?? {});

  async function refuseOurs(request: ClientRequest): Promise<void> {
    if (containerCall(request.Method, pathOf(request))?.kind !== 'create') return;
    // It brings much of the agent's code along, which a proxy whose agent runs has no use for.
    const { networkOf } = await import('./network-of.js');
    const network = await networkOf(request.Body, docker);
    if (network === undefined) return;
    throw new Refused(
      `the container is to be on SocketPlane network ${network}, and SocketPlane's agent is not running: start it with \`socketplane agent start\`, then try again`,
      503,
    );
  }

  return refusing({
    pre: ({ ClientRequest }) => refuseOurs(ClientRequest),
    // The agent may have ended while Docker made the container.
    post: ({ ClientRequest, ServerResponse }) =>
      ServerResponse.Code === 201 ? refuseOurs(ClientRequest) : undefined,
  });
});
