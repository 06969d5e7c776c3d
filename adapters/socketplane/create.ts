import { z } from 'zod';
import { parametersOf, type PostHook, type PreHook, type Unwind } from '../../lib/adapter/index.js';
import { AppError, messageOf } from '../../lib/base/errors.js';
import type { Network } from '../../lib/base/model.js';
import { retryBriefly } from '../../lib/concurrency/retry-briefly.js';
import { namesOf } from '../../lib/docker/names.js';
import type { Lease } from '../../lib/ipam/ipam.js';
import { place } from './addresses.js';
import { parseCreateBody, type CreateBody, type EndpointSettings } from './create-body.js';
import type { Deps } from './deps.js';
import { createPending } from './pending.js';
import { requestedAddress, selectNetwork, settingsOfMode } from './select-network.js';

/** A lease for the container that is being made, and what else is known of the container. */
interface Reserved {
  lease: Lease;
  named: { name?: string; hostname?: string; labels?: Record<string, string>; aliases: string[] };
}

const created = z.object({ Id: z.string() });

/** The hooks of a create call: they put the new container on its networks. */
export function createHooks(deps: Deps) {
  const { addresses } = deps;
  const pending = createPending<Reserved[]>((reserved) => void giveBack(reserved));

  async function giveBack(reserved: readonly Reserved[]): Promise<void> {
    await Promise.allSettled(reserved.map(({ lease }) => addresses.abandon(lease)));
  }

  return {
    async pre(hook: PreHook) {
      const reserved: Reserved[] = [];
      try {
        const name = parametersOf(hook.ClientRequest).get('name') ?? undefined;
        const body = await placed(parseCreateBody(hook.ClientRequest.Body), name, reserved, deps);
        if (!body) return;
        if (reserved.length > 0) pending.put(hook.RequestId, reserved);
        return { ModifiedClientRequest: { Body: body } };
      } catch (error) {
        await giveBack(reserved);
        throw error;
      }
    },

    async post({ RequestId, ServerResponse: { Code, Body } }: PostHook): Promise<void> {
      const made = created.safeParse(Body);
      if (Code !== 201 || !made.success) return;
      const { Id: id } = made.data;
      const reserved = pending.take(RequestId) ?? [];
      await Promise.all(
        reserved.map(({ lease, named }) => addresses.assign(lease, id, namesOf({ id, ...named }))),
      );
    },

    async unwind({ RequestId }: Unwind): Promise<void> {
      await giveBack(pending.take(RequestId) ?? []);
    },
  };
}

/** The body that puts the container on its networks; undefined when none of them is ours. */
async function placed(
  body: CreateBody,
  name: string | undefined,
  reserved: Reserved[],
  deps: Deps,
): Promise<CreateBody | undefined> {
  const selection = selectNetwork(body);
  const { key, settings } = settingsOfMode(body);
  const endpoints = body.NetworkingConfig?.EndpointsConfig ?? {};
  const first = selection && (await primary(selection, deps));
  const targets = new Map<string, { network: Network; sent: NonNullable<EndpointSettings> }>();
  // The key by which the client named the network stays, if it is the network's.
  const chosen = first && (selection.by === 'mode' ? selection.network : first.id);
  if (first && chosen !== undefined) targets.set(chosen, { network: first, sent: settings });
  for (const [other, sent] of Object.entries(endpoints)) {
    const network = other === key ? undefined : await deps.find(other);
    if (network && network.id !== first?.id) targets.set(other, { network, sent: sent ?? {} });
  }
  if (targets.size === 0) return undefined;

  const named = { name, hostname: body.Hostname || undefined, labels: body.Labels ?? {} };
  const result = { ...endpoints };
  if (first) delete result[key];
  for (const [under, { network, sent }] of targets) {
    const requested = network === first ? requestedAddress(body, sent) : requestedAddress({}, sent);
    const aliases = sent.Aliases ?? [];
    const future = { names: namesOf({ ...named, aliases }) };
    const { settings: set, lease } = await place(sent, network, requested, { addresses: deps.addresses, future });
    if (lease) reserved.push({ lease, named: { ...named, aliases } });
    result[under] = set;
  }
  return {
    ...body,
    ...(first && { HostConfig: { ...body.HostConfig, NetworkMode: chosen, Dns: nameServers(body, first, deps) } }),
    NetworkingConfig: { ...body.NetworkingConfig, EndpointsConfig: result },
  };
}

/** Docker's resolver asks the gateway first, which knows the names on other hosts, and passes on what it does not know. */
function nameServers({ HostConfig }: CreateBody, { gateway }: Network, { known }: Deps): string[] {
  const own = new Set(known().map((network) => network.gateway));
  return [gateway, ...(HostConfig?.Dns ?? []).filter((address) => !own.has(address) && address !== gateway)];
}

/**
 * The network of ours that was selected, once Docker has it too; undefined when `--network` names one that is not ours.
 *
 * @throws AppError `invalid` when there is none; `unavailable` when Docker does not have it
 */
async function primary(selection: NonNullable<ReturnType<typeof selectNetwork>>, deps: Deps) {
  const { network: name, by } = selection;
  const found = await deps.find(name);
  if (found) {
    const hasIt = deps.fanOut.expect(found.id).then(
      () => true,
      (error: unknown) => {
        // Docker's own network of that name is what `--network` means on this host.
        if (by === 'mode' && deps.fanOut.problems().has(found.id)) return false;
        throw error;
      },
    );
    return (await hasIt) ? found : undefined;
  }
  if (by === 'mode') return undefined;
  throw await unknownNetwork(deps, name);
}

/**
 * A 400, although it is a network that was not found: on a 404 from create, `docker` pulls the image and never shows
 * the reason.
 */
async function unknownNetwork({ networks }: Deps, network: string): Promise<AppError> {
  try {
    await retryBriefly(() => networks.get(network));
    return new AppError('unavailable', `network ${network} is being changed: try again`);
  } catch (error) {
    if (error instanceof AppError && error.kind === 'unavailable') return error;
    return new AppError('invalid', messageOf(error), { cause: error });
  }
}
