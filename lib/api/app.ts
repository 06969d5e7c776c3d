import express, { Router, type Express } from 'express';
import type { Log } from '../log.js';
import { errorHandler, notFound } from './errors.js';

/** A list of a few thousand containers, as a string inside a hook's JSON, is tens of megabytes. */
const BODY_LIMIT = '64mb';

/**
 * The agent's REST API, the same at `/` and at `/v0.1`.
 *
 * @param current the routes of the node in use, asked anew for each call; rejects while there is none
 */
export function createApp({
  routes,
  current,
  log,
}: {
  routes: Router[];
  current: () => Promise<Router>;
  log: Log;
}): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  // Whatever the client calls it: everything that is sent here is JSON.
  app.use(express.json({ limit: BODY_LIMIT, type: () => true }));

  const api = Router();
  for (const router of routes) api.use(router);
  api.use(async (request, response, next) => (await current())(request, response, next));

  app.use('/v0.1', api);
  app.use(api);
  app.use(notFound);
  app.use(errorHandler(log));
  return app;
}
