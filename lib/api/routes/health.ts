import { Router } from 'express';
import type { Datapath } from '../../datapath/datapath.js';
import type { Docker } from '../../docker/docker.js';
import { messageOf } from '../../base/errors.js';
import type { Store } from '../../store/store.js';

/** Asks each part at the moment of the call: 200 when all of them answer, else 503 with the reasons. */
export function healthRoutes(options: {
  version: string;
  docker: Docker;
  datapath: Datapath;
  /** The store in use. */
  store: () => Promise<Pick<Store, 'get' | 'problem'>>;
  /** Why containers have no name server; undefined when all is well, or nothing is known for lack of a store. */
  names: () => string | undefined;
}): Router {
  const { version, docker, datapath, store, names } = options;
  const router = Router();

  router.get('/healthz', async (_request, response) => {
    const [dockerState, ovs, storeState] = await Promise.all([
      stateOf(docker.ping()),
      stateOf(datapath.open().then(() => datapath.problem ?? `ok (${datapath.kind})`)),
      stateOf(
        store().then(async (current) => {
          await current.get('health');
          return current.problem?.() ?? 'ok';
        }),
      ),
    ]);
    const namesState = names() ?? 'ok';
    const firewall = datapath.firewallProblem ?? 'ok';
    const ok = [dockerState, ovs, storeState, namesState, firewall].every((state) => state.startsWith('ok'));
    response.status(ok ? 200 : 503).json({
      ...{ status: ok ? 'ok' : 'degraded', version, docker: dockerState, ovs, store: storeState },
      ...{ names: namesState, firewall },
    });
  });

  return router;
}

async function stateOf(check: Promise<unknown>): Promise<string> {
  try {
    const state = await check;
    return typeof state === 'string' ? state : 'ok';
  } catch (error) {
    return messageOf(error);
  }
}
