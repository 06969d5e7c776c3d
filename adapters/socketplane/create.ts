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
import { modeOf, requestedAddress, selectNetwork, type Selection } from './select-network.js';

/** A lease for the container that is being made, and what else is known of the container. */
interface Reserved {
  lease: Lease;
  named: { name?: string; hostname?: string; labels?: Record<string, string>; aliases: string[] };
}

const created = z.object({ Id: z.string() });

/** How long Docker may take to make a container, in milliseconds: it may copy an image's files into new volumes. */
const LONGEST_CREATE_MS = 600_000;

const FULL_ID = /^[0-9a-f]{64}$/;

/** The hooks of a create call: they put the new container on its networks. */
export function createHooks(deps: Deps) {
  const { addresses } = deps;
  const pending = createPending<Reserved[]>({
    onDrop: (reserved) => void giveBack(reserved),
    patience: LONGEST_CREATE_MS,
  });

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
        // On a 404 from create, `docker` pulls the image and never shows the reason.
        const isMissing = error instanceof AppError && error.kind === 'notFound';
        throw isMissing ? new AppError('invalid', error.message, { cause: error }) : error;
      }
    },

    async post({ RequestId, ServerResponse: { Code, Body } }: PostHook): Promise<void> {
      const made = created.safeParse(Body);
      if (Code !== 201 || !made.success) return;
      const { Id: id } = made.data;
      const reserved = pending.take(RequestId) ?? [];
      try {
        await Promise.all(
          reserved.map(({ lease, named }) => addresses.assign(lease, id, namesOf({ id, ...named }))),
        );
      } catch (error) {
        // The call fails, and the container is removed.
        pending.put(RequestId, reserved);
        throw error;
      }
    },

    async unwind({ RequestId }: Unwind): Promise<void> {
      await giveBack(pending.end(RequestId) ?? []);
    },
  };
}

/** One of the container's networks that is ours, and what the client has sent for it. */
interface Target {
  network: Network;
  sent: NonNullable<EndpointSettings>;
}

/** The body that puts the container on its networks; undefined when none of them is ours. */
async function placed(
  body: CreateBody,
  name: string | undefined,
  reserved: Reserved[],
  deps: Deps,
): Promise<CreateBody | undefined> {
  const selection = selectNetwork(body);
  if (body.NetworkDisabled) return undefined;
  const endpoints = body.NetworkingConfig?.EndpointsConfig ?? {};
  const first = selection && (await primary(selection, deps));
  const ours = await oursIn(endpoints, deps);
  const key = selection && keyOfFirst(body, selection, first, ours);
  const targets = new Map<string, Target>();
  const chosen = first && modeFor(first, selection);
  // With settings for other networks alone, Docker takes those networks.
  const isBare = key === undefined && selection?.by === 'mode' && Object.keys(endpoints).length > 0;
  if (first && !isBare)
    targets.set(chosen!, { network: first, sent: (key !== undefined && endpoints[key]) || {} });
  for (const [other, network] of ours)
    if (other !== key && network.id !== first?.id)
      targets.set(other, { network, sent: endpoints[other] ?? {} });
  if (targets.size === 0) return undefined;
  const home = isBare ? [...targets.values()][0]?.network : first;

  const named = { name, hostname: body.Hostname || undefined, labels: body.Labels ?? {} };
  const result = { ...endpoints };
  if (first && key !== undefined) delete result[key];
  for (const [under, { network, sent }] of targets) {
    const requested = network === first ? requestedAddress(body, sent) : requestedAddress({}, sent);
    const aliases = sent.Aliases ?? [];
    const future = { names: namesOf({ ...named, aliases }) };
    const { settings, lease } = await place(sent, network, requested, { addresses: deps.addresses, future });
    if (lease) reserved.push({ lease, named: { ...named, aliases } });
    result[under] = settings;
  }
  return {
    ...body,
    ...(home && {
      HostConfig: { ...body.HostConfig, NetworkMode: chosen, Dns: nameServers(body, home, deps) },
    }),
    NetworkingConfig: { ...body.NetworkingConfig, EndpointsConfig: result },
  };
}

/** The networks of ours that settings were sent for, by the keys they are under. */
async function oursIn(
  endpoints: Record<string, EndpointSettings>,
  deps: Deps,
): Promise<Map<string, Network>> {
  const ours = new Map<string, Network>();
  for (const key of Object.keys(endpoints)) {
    const network = await deps.find(key);
    if (network) ours.set(key, network);
  }
  return ours;
}

/** Under which key the settings for the container's first network are, if there are any. */
function keyOfFirst(
  body: CreateBody,
  { by }: Selection,
  first: Network | undefined,
  ours: ReadonlyMap<string, Network>,
): string | undefined {
  const keys = Object.keys(body.NetworkingConfig?.EndpointsConfig ?? {});
  const mode = modeOf(body);
  if (keys.includes(mode)) return mode;
  const same = keys.find((key) => first !== undefined && ours.get(key)?.id === first.id);
  // `SP_NETWORK` takes the place of the network that was named otherwise.
  return same ?? (by === 'environment' && keys.length === 1 ? keys.find((key) => !ours.has(key)) : undefined);
}

/** What the container's network mode is: as the client named the network, where Docker finds it under that everywhere. */
function modeFor({ id }: Network, { network, by }: Selection): string {
  return by === 'mode' && FULL_ID.test(network) ? network : id;
}

/** Docker's resolver asks the gateway first, which knows the names on other hosts, and passes on what it does not know. */
function nameServers({ HostConfig }: CreateBody, { gateway }: Network, { networks }: Deps): string[] {
  const own = new Set(networks.heard().map((network) => network.gateway));
  return [gateway, ...(HostConfig?.Dns ?? []).filter((address) => !own.has(address) && address !== gateway)];
}

/**
 * The network of ours that was selected, once Docker has it too; undefined when `--network` names one that is not ours.
 *
 * @throws AppError `invalid` when there is none; `unavailable` when Docker does not have it
 */
async function primary({ network: name, by }: Selection, deps: Deps): Promise<Network | undefined> {
  // Docker's own network of that name is what `--network` means on this host.
  const found = await (by === 'mode' ? deps.find(name) : deps.named(name));
  if (found) {
    try {
      await deps.fanOut.expect(found.id);
      return found;
    } catch (error) {
      // It turns out only now.
      if (by === 'mode' && deps.fanOut.isForeign(found.id)) return undefined;
      throw error;
    }
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
