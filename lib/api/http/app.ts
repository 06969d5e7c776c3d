import express, { Router, type Express } from 'express';
import type { Log } from '../../base/log.js';
import { keepPagesOut } from './browsers.js';
import { errorHandler, notFound } from './errors.js';
import { onlyItsMethods } from './methods.js';

const BODY_LIMIT = '100kb';
/** All networks of a cluster come at once, with the labels that Docker's tools give them. */
const RESTORE_LIMIT = '16mb';

/** The agent's REST API, the same at `/` and at `/v0.1`. */
export function createApp(routes: readonly Router[], log: Log): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use((request, response, next) => {
    // Only TCP connections have ports: this one came over the unix socket.
    if (request.socket.remotePort === undefined) next();
    else keepPagesOut(request, response, next);
  });

  const api = Router();
  api.use(onlyItsMethods);
  api.use('/restore', express.json({ limit: RESTORE_LIMIT, type: () => true }));
  // Whatever its content type says, every body sent here is JSON. Hook calls are read by the adapter's own listener.
  api.use(express.json({ limit: BODY_LIMIT, type: ({ url }) => !/^\/adapter\/?$/i.test(url ?? '') }));
  for (const router of routes) api.use(router);

  app.use('/v0.1', api);
  app.use(api);
  app.use(notFound);
  app.use(errorHandler(log));
  return app;
}
