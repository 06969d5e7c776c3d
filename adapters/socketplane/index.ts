import type {
  ClientRequest,
  HookCall,
  PostHookReply,
  PreHookReply,
  ServerResponse,
} from '../../lib/hook/v1.js';
import type { Endpoints } from '../../lib/endpoints/endpoints.js';
import type { Ipam } from '../../lib/ipam/ipam.js';
import type { Networks } from '../../lib/network/networks.js';
import { afterCreate, beforeCreate } from './create.js';
import { afterInspect, afterList } from './describe.js';
import { routeOf } from './route.js';

export interface AdapterOptions {
  networks: Networks;
  ipam: Ipam;
  endpoints: Endpoints;
}

/**
 * The adapter that puts containers on our networks. What it throws (`AppError`) is the answer that the client gets
 * instead of Docker's.
 */
export function createSocketplaneAdapter(options: AdapterOptions) {
  const { endpoints } = options;

  async function before(request: ClientRequest): Promise<ClientRequest> {
    const route = routeOf(request.Method, request.Request);
    if (route?.call === 'create') return beforeCreate(request, options);
    if (route?.call === 'start') await endpoints.starting(route.reference);
    return request;
  }

  async function after(request: ClientRequest, response: ServerResponse): Promise<ServerResponse> {
    const route = routeOf(request.Method, request.Request);
    switch (route?.call) {
      case 'create':
        return afterCreate(request, response);
      case 'inspect':
        return afterInspect(response, endpoints.find);
      case 'list':
        return afterList(response, endpoints.find);
      case 'start':
        if (response.Code === 204) await endpoints.started(route.reference);
        // It was running already: whatever fails now is no reason to stop it.
        else if (response.Code === 304) await endpoints.settle(route.reference);
        else await endpoints.startFailed(route.reference);
        return response;
      case 'restart':
        if (response.Code === 204) await endpoints.started(route.reference);
        return response;
      case 'remove':
        if (response.Code === 204) await endpoints.removed(route.reference);
        return response;
      default:
        return response;
    }
  }

  return async (call: HookCall): Promise<PreHookReply | PostHookReply> =>
    call.Type === 'pre-hook'
      ? { PowerstripProtocolVersion: 1, ModifiedClientRequest: await before(call.ClientRequest) }
      : {
          PowerstripProtocolVersion: 1,
          ModifiedServerResponse: await after(call.ClientRequest, call.ServerResponse),
        };
}

export type SocketplaneAdapter = ReturnType<typeof createSocketplaneAdapter>;
