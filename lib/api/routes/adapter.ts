import { Router } from 'express';
import { requestListener, type Adapter } from '../../adapter/index.js';
import { messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';

/** The proxy's hooks: the adapter itself, behind HTTP. */
export function adapterRoutes(adapter: Adapter, log: Log): Router {
  const onFailure = (error: unknown) => log.error('a hook failed', { error: messageOf(error) });
  return Router().post('/adapter', requestListener(adapter, { onFailure }));
}
