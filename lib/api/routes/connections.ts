import { Router } from 'express';
import { suggestName } from '../../base/suggest-name.js';
import type { Services } from '../../agent/services.js';
import type { Docker } from '../../docker/docker.js';
import { AppError } from '../../base/errors.js';
import type { Connection } from '../../endpoints/attachments.js';
import { networkOf } from '../../docker/labels.js';
import { connectionRequest } from '../schemas.js';
import { parseRequest } from '../http/validate.js';
import type { GetServices } from '../services.js';

/**
 * The endpoints of this host's containers. The API calls them connections, as the original SocketPlane's did: path and fields
 * stay the same for its clients.
 */
export function connectionRoutes(docker: Pick<Docker, 'inspect'>, services: GetServices): Router {
  const router = Router();

  async function get(reference: string, { endpoints, attachments }: Services): Promise<Connection> {
    const connection = endpoints.find(reference);
    if (connection) return connection;
    const container = await docker.inspect(reference);
    if (container) {
      throw new AppError('notFound', `container ${container.name} has no address on a SocketPlane network`);
    }
    const names = attachments.list().map(({ name }) => name);
    const advice = suggestName(reference, names, ': `socketplane info` shows what there is');
    throw new AppError('notFound', `container ${JSON.stringify(reference.slice(0, 80))} not found${advice}`);
  }

  router.get('/connections', async (_request, response) => {
    const { attachments } = await services();
    response.json(attachments.list().map(toJson));
  });

  router.post('/connections', async (request, response) => {
    const current = await services();
    const { container_id: reference, network } = parseRequest(connectionRequest, request.body);
    const container = await docker.inspect(reference);
    const chosen = container && networkOf(container);
    // Clients in Go send all fields; those without a value are empty.
    if (container && network && network !== chosen) {
      const has = chosen === undefined ? 'none of ours' : `network ${chosen}`;
      throw new AppError(
        'conflict',
        `container ${container.name} was made with ${has}, which cannot be changed: make it anew with \`--network ${network}\``,
      );
    }
    await current.endpoints.settle(reference);
    const connection = await get(reference, current);
    response.status(201).location(`/v0.1/connections/${connection.container}`).json(toJson(connection));
  });

  router.get('/connections/:id', async (request, response) => {
    response.json(toJson(await get(request.params.id, await services())));
  });

  router.delete('/connections/:id', async (request, response) => {
    const current = await services();
    const { container, name } = await get(request.params.id, current);
    if ((await docker.inspect(container))?.running) {
      throw new AppError('conflict', `container ${name} runs and uses its address: stop it first`);
    }
    await current.endpoints.release(container);
    response.status(204).end();
  });

  return router;
}

function toJson({ container, name, pid, network, state, reason, port, ip, mac }: Connection) {
  return {
    container_id: container,
    container_name: name,
    container_pid: String(pid),
    network: network.id,
    ovs_port_id: port ?? '',
    connection_details: { name: port ?? '', ip, subnet: network.subnet, mac, gateway: network.gateway },
    state,
    ...(reason && { reason }),
  };
}
