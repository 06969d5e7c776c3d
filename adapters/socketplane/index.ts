import { defineAdapter, pathOf, type Adapter } from '../../lib/adapter/index.js';
import { containerCall } from '../../lib/docker-api/container-call.js';
import type { Endpoints } from '../../lib/endpoints/endpoints.js';
import type { Ipam } from '../../lib/ipam/ipam.js';
import type { Networks } from '../../lib/network/networks.js';
import { createHooks } from './create.js';
import { describeInspected, describeListed } from './describe.js';
import { refusing } from './refuse.js';
import { startHooks } from './start.js';

export interface AdapterOptions {
  networks: Networks;
  ipam: Ipam;
  endpoints: Endpoints;
}

/** The adapter that puts containers on our networks. It runs in the agent, which serves it at `POST /adapter`. */
export function createSocketplaneAdapter({ networks, ipam, endpoints }: AdapterOptions): Adapter {
  const create = createHooks({ networks, ipam });
  const start = startHooks(endpoints);

  const hooks = defineAdapter({
    pre(hook, { signal }) {
      const call = containerCall(hook.ClientRequest.Method, pathOf(hook.ClientRequest));
      if (call?.kind === 'create') return create.pre(hook);
      if (call?.kind === 'start') return start.pre(call.container, signal);
    },

    async post(hook) {
      const { ClientRequest, ServerResponse } = hook;
      const call = containerCall(ClientRequest.Method, pathOf(ClientRequest));
      switch (call?.kind) {
        case 'create':
          return create.post(hook);
        case 'start':
          return start.post(call.container, ServerResponse.Code);
        case 'restart':
          if (ServerResponse.Code === 204) await endpoints.started(call.container);
          return;
        case 'remove':
          if (ServerResponse.Code === 204) await endpoints.removed(call.container);
          return;
        case 'inspect':
          return describeInspected(ServerResponse, endpoints.find);
        case 'list':
          return describeListed(ServerResponse, endpoints.find);
      }
    },

    unwind(hook) {
      const call = containerCall(hook.ClientRequest.Method, pathOf(hook.ClientRequest));
      if (call?.kind === 'create') create.unwind(hook);
      if (call?.kind === 'start' && hook.Hook === 'pre-hook') return start.unwind(call.container);
    },
  });
  return refusing(hooks);
}
