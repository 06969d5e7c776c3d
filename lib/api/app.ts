import express, { Router, type Express } from 'express';
import type { SocketplaneAdapter } from '../../adapters/socketplane/index.js';
import { hookCall } from '../hook/v1.js';
import type { Log } from '../log.js';
import { errorHandler, notFound } from './errors.js';
import { parseRequest } from './validate.js';

/** A list of a few thousand containers, as a string inside a hook's JSON, is tens of megabytes. */
const BODY_LIMIT = '64mb';

/** The agent's REST API, the same at `/` and at `/v0.1`. */
export function createApp({
  routes,
  adapter,
  log,
}: {
  routes: Router[];
  adapter: SocketplaneAdapter;
  log: Log;
}): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  // Whatever the client calls it: everything that is sent here is JSON.
  app.use(express.json({ limit: BODY_LIMIT, type: () => true }));

  const api = Router();
  api.post('/adapter', async (request, response) => {
    response.json(await adapter(parseRequest(hookCall, request.body)));
  });
  for (const router of routes) api.use(router);

  app.use('/v0.1', api);
  app.use(api);
  app.use(notFound);
  app.use(errorHandler(log));
  return app;
}
