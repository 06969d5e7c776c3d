import { defineAdapter, pathOf, type Adapter, type ClientRequest } from '../../lib/adapter/index.js';
import { containerCall } from '../../lib/docker-api/container-call.js';
import { networkCall } from '../../lib/docker-api/network-call.js';
import { connectHooks } from './connect.js';
import { createHooks } from './create.js';
import type { AdapterOptions } from './deps.js';
import { withFind } from './find-network.js';
import { networkCreateHooks } from './network-create.js';
import { networkPruneHooks } from './network-prune.js';
import { networkRemoveHooks } from './network-remove.js';
import { refusing } from './refuse.js';

export type { AdapterOptions } from './deps.js';

/**
 * The adapter that puts containers on our networks, and networks into the cluster. It runs in the agent, which serves it at
 * `POST /adapter`; Docker and the agent's driver do the rest.
 */
export function createSocketplaneAdapter(options: AdapterOptions): Adapter {
  const deps = withFind(options);
  const create = createHooks(deps);
  const connect = connectHooks(deps);
  const network = {
    create: networkCreateHooks(deps),
    remove: networkRemoveHooks(deps),
    prune: networkPruneHooks(deps),
  };
  const callOf = (request: ClientRequest) => {
    const path = pathOf(request);
    return containerCall(request.Method, path)?.kind === 'create'
      ? ({ kind: 'container' } as const)
      : networkCall(request.Method, path);
  };

  const hooks = defineAdapter({
    async pre(hook) {
      const call = callOf(hook.ClientRequest);
      switch (call?.kind) {
        case 'container':
          return create.pre(hook);
        case 'connect':
          return connect.pre(hook, call.network);
        case 'create':
          return network.create.pre(hook);
        case 'remove':
          return network.remove.pre(hook, call.network);
        case 'prune':
          return network.prune.pre(hook);
      }
    },

    async post(hook) {
      const { RequestId, ServerResponse } = hook;
      switch (callOf(hook.ClientRequest)?.kind) {
        case 'container':
          return create.post(hook);
        case 'connect':
          return connect.post(RequestId, ServerResponse.Code);
        case 'create':
          return network.create.post(hook);
        case 'remove':
          return network.remove.post(hook);
        case 'prune':
          return network.prune.post(hook);
      }
    },

    async unwind(hook) {
      switch (callOf(hook.ClientRequest)?.kind) {
        case 'container':
          return create.unwind(hook);
        case 'connect':
          return connect.unwind(hook);
        case 'create':
          return network.create.unwind(hook);
        case 'remove':
          return network.remove.unwind(hook);
        case 'prune':
          return network.prune.unwind(hook);
      }
    },
  });
  return refusing(hooks);
}
