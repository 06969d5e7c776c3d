import { Router } from 'express';
import { suggestName } from '../../base/suggest-name.js';
import type { Services } from '../../agent/services.js';
import type { Docker } from '../../docker/docker.js';
import { AppError } from '../../base/errors.js';
import type { Connection } from '../../endpoints/connection.js';
import { networkNamed } from '../../network/networks.js';
import { connectionRequest } from '../schemas.js';
import { parseRequest } from '../http/validate.js';
import type { GetServices } from '../services.js';

/**
 * The endpoints of this host's containers. The API calls them connections, as the original SocketPlane's did: path and fields
 * stay the same for its clients.
 */
export function connectionRoutes(docker: Pick<Docker, 'inspect'>, services: GetServices): Router {
  const router = Router();

  /** The first of a container's connections; each of them, in the order in which Docker made them. */
  async function all(reference: string, { containers }: Services): Promise<[Connection, ...Connection[]]> {
    const known = containers.connections.find(reference);
    if (isSome(known)) return known;
    const container = await docker.inspect(reference);
    if (container) {
      // A start may have ended this very moment: whose an endpoint is, Docker says only afterwards.
      await containers.settle.container(container.id);
      const settled = containers.connections.find(reference);
      if (isSome(settled)) return settled;
      throw new AppError('notFound', `container ${container.name} has no address on a SocketPlane network`);
    }
    const names = containers.connections.list().map(({ name }) => name);
    const advice = suggestName(reference, names, ': `socketplane info` shows what there is');
    throw new AppError('notFound', `container ${JSON.stringify(reference.slice(0, 80))} not found${advice}`);
  }

  router.get('/connections', async (_request, response) => {
    const { containers } = await services();
    response.json(containers.connections.list().map(toJson));
  });

  router.post('/connections', async (request, response) => {
    const current = await services();
    const { container_id: reference, network } = parseRequest(connectionRequest, request.body);
    const container = await docker.inspect(reference);
    // Clients in Go send all fields; those without a value are empty.
    if (container && network && !container.attached.some((one) => one.network === networkNamed(network))) {
      throw new AppError(
        'conflict',
        `container ${container.name} is not on network ${network}: \`docker network connect ${network} ${container.name}\` puts it there`,
      );
    }
    if (container) await current.containers.settle.container(container.id);
    const connections = await all(reference, current);
    const connection =
      connections.find((one) => one.network.id === networkNamed(network ?? '')) ?? connections[0];
    response.status(201).location(`/v0.1/connections/${connection.container}`).json(toJson(connection));
  });

  router.get('/connections/:id', async (request, response) => {
    response.json(toJson((await all(request.params.id, await services()))[0]));
  });

  router.delete('/connections/:id', async (request, response) => {
    const current = await services();
    const [{ container, name }] = await all(request.params.id, current);
    if ((await docker.inspect(container))?.running) {
      throw new AppError('conflict', `container ${name} runs and uses its address: stop it first`);
    }
    await current.containers.settle.release(container);
    response.status(204).end();
  });

  return router;
}

function isSome(found: Connection[]): found is [Connection, ...Connection[]] {
  return found.length > 0;
}

function toJson({ container, name, pid, network, state, reason, port, ip, mac, endpoint }: Connection) {
  return {
    container_id: container,
    container_name: name,
    container_pid: String(pid),
    network: network.id,
    ovs_port_id: port ?? '',
    connection_details: { name: port ?? '', ip, subnet: network.subnet, mac, gateway: network.gateway },
    state,
    ...(reason && { reason }),
    ...(endpoint && { endpoint_id: endpoint }),
  };
}
