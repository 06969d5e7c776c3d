import { Router } from 'express';
import type { SocketplaneAdapter } from '../../../adapters/socketplane/index.js';
import { hookCall } from '../../hook/v1.js';
import { parseRequest } from '../http/validate.js';

/** The proxy's hooks. */
export function adapterRoutes(adapter: SocketplaneAdapter): Router {
  const router = Router();
  router.post('/adapter', async (request, response) => {
    response.json(await adapter(parseRequest(hookCall, request.body)));
  });
  return router;
}
