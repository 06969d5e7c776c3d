import { z } from 'zod';
import type { PreHook, Unwind } from '../../lib/adapter/index.js';
import { namesOf } from '../../lib/docker/names.js';
import type { Lease } from '../../lib/ipam/ipam.js';
import { place } from './addresses.js';
import { endpointSettings, parseBody } from './create-body.js';
import type { Deps } from './deps.js';
import { createPending } from './pending.js';
import { requestedAddress } from './select-network.js';

/** Docker asks the driver several times, which takes its time on a busy host: milliseconds. */
const LONGEST_CONNECT_MS = 300_000;

const connectBody = z.object({ Container: z.string(), EndpointConfig: endpointSettings });

/** The hooks of `POST /networks/{id}/connect`: the container keeps the address that it gets. */
export function connectHooks({ addresses, docker, find }: Deps) {
  const pending = createPending<Lease>({
    onDrop: (lease) => void addresses.abandon(lease).catch(() => undefined),
    patience: LONGEST_CONNECT_MS,
  });
  return {
    async pre({ RequestId, ClientRequest }: PreHook, reference: string) {
      const network = await find(reference);
      if (!network) return;
      const body = parseBody(connectBody, ClientRequest.Body, 'the connect call');
      const container = await docker.inspect(body.Container);
      // Docker says what is wrong.
      if (!container || container.attached.some((one) => one.network === network.id)) return;
      const sent = body.EndpointConfig ?? {};
      const names = namesOf({ ...container, aliases: sent.Aliases ?? [] });
      const requested = requestedAddress({}, sent);
      const future = { container: container.id, names };
      const { settings, lease } = await place(sent, network, requested, { addresses, future });
      if (lease) pending.put(RequestId, lease);
      return { ModifiedClientRequest: { Body: { ...body, EndpointConfig: settings } } };
    },

    post(requestId: string, code: number): void {
      if (code === 200) pending.take(requestId);
    },

    async unwind({ RequestId }: Unwind): Promise<void> {
      const lease = pending.end(RequestId);
      if (lease) await addresses.abandon(lease);
    },
  };
}
