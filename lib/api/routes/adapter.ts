import type { RequestListener } from 'node:http';
import { Router } from 'express';
import { createSocketplaneAdapter, type AdapterOptions } from '../../../adapters/socketplane/index.js';
import { requestListener } from '../../adapter/index.js';
import type { Services } from '../../agent/services.js';
import { messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Docker } from '../../docker/docker.js';
import type { GetServices } from '../services.js';

/** The proxy's hooks: the adapter itself, behind HTTP. */
export function adapterRoutes(docker: Docker, services: GetServices, log: Log): Router {
  const onFailure = (error: unknown) => log.error('a hook failed', { error: messageOf(error) });
  /** One for each set of services: an adapter keeps state from a call's first hook to its last. */
  const listeners = new WeakMap<Services, RequestListener>();

  function listenerOf(current: Services): RequestListener {
    const listener =
      listeners.get(current) ?? requestListener(createSocketplaneAdapter(optionsOf(current)), { onFailure });
    listeners.set(current, listener);
    return listener;
  }

  const optionsOf = ({ networks, carrier, containers, fanOut }: Services): AdapterOptions => ({
    ...{ networks, carrier, fanOut, docker },
    addresses: containers.addresses,
  });

  const router = Router();
  router.post('/adapter', async (request, response) => {
    listenerOf(await services())(request, response);
  });
  return router;
}
