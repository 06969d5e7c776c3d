import { z } from 'zod';
import type { PostHook, PreHook, Unwind } from '../../lib/adapter/index.js';
import { retryBriefly } from '../../lib/concurrency/retry-briefly.js';
import { AppError, messageOf } from '../../lib/base/errors.js';
import type { Ipam } from '../../lib/ipam/ipam.js';
import { ADDRESS_LABEL, ALIASES_LABEL, DNS_LABEL, NETWORK_LABEL } from '../../lib/docker/labels.js';
import type { Networks } from '../../lib/network/networks.js';
import type { Network } from '../../lib/base/model.js';
import { createBody, endpointOfMode, selectNetwork, type CreateBody } from './select-network.js';
import { warningsFor } from './warnings.js';

/**
 * For how many calls warnings are kept. If more are in progress, or the proxy never reported their end, the oldest are
 * dropped.
 */
const MAX_PENDING = 1_000;

/** The hooks of a create call: they put the new container on its network and add our warnings to Docker's answer. */
export function createHooks(options: { networks: Networks; ipam: Ipam }) {
  /** Kept between the hooks of a call, by its id. */
  const pending = new Map<string, string[]>();

  function remember(id: string, warnings: string[]): void {
    if (warnings.length === 0) return;
    pending.set(id, warnings);
    const [oldest] = pending.keys();
    if (pending.size > MAX_PENDING && oldest !== undefined) pending.delete(oldest);
  }

  return {
    async pre({ RequestId, ClientRequest }: PreHook) {
      const placed = await place(ClientRequest.Body, options);
      if (!placed) return;
      remember(RequestId, placed.warnings);
      return { ModifiedClientRequest: { Body: placed.body } };
    },

    post({ RequestId, ServerResponse: { Code, Body } }: PostHook) {
      const warnings = pending.get(RequestId);
      pending.delete(RequestId);
      const created = createdBody.safeParse(Body);
      if (!warnings || Code !== 201 || !created.success) return;
      const Warnings = [...(created.data.Warnings ?? []), ...warnings];
      return { ModifiedServerResponse: { Body: { ...created.data, Warnings } } };
    },

    unwind({ RequestId }: Unwind): void {
      pending.delete(RequestId);
    },
  };
}

const createdBody = z.looseObject({ Warnings: z.array(z.unknown()).nullish() });

/**
 * The create body that puts the container on its network, and a warning for each option that has no effect there;
 * undefined when the container is left to Docker.
 */
async function place(
  sent: unknown,
  { networks, ipam }: { networks: Networks; ipam: Ipam },
): Promise<{ body: CreateBody; warnings: string[] } | undefined> {
  const body = parseBody(sent);
  const known = await retryBriefly(() => networks.list());
  const selection = selectNetwork(body, (name) => known.some(({ id }) => id === name));
  if (!selection) return undefined;
  const { network, address } = selection;
  const found = known.find(({ id }) => id === network);
  if (!found) throw await unknownNetwork(networks, network);
  if (address !== undefined) await retryBriefly(() => ipam.check(found, address));
  return {
    body: {
      ...body,
      HostConfig: { ...body.HostConfig, ...hostConfig(body, found) },
      // Docker refuses endpoints together with the mode "none".
      ...(body.NetworkingConfig && { NetworkingConfig: {} }),
      ...(body.MacAddress && { MacAddress: '' }),
      Labels: { ...body.Labels, ...labelsFor(body, network, address) },
    },
    warnings: warningsFor(body, network),
  };
}

/** The gateway resolves names; without `ndots:0`, a single-word name would be tried with each search domain first. */
function hostConfig({ HostConfig }: CreateBody, { gateway }: Network) {
  const options = HostConfig?.DnsOptions ?? [];
  const dots = options.some((option) => option.startsWith('ndots:')) ? [] : ['ndots:0'];
  return { NetworkMode: 'none', Dns: [gateway], DnsOptions: [...options, ...dots] };
}

/** What has to be known about the container later. */
function labelsFor(body: CreateBody, network: string, address: string | undefined): Record<string, string> {
  const aliases = endpointOfMode(body)?.Aliases ?? [];
  const servers = body.HostConfig?.Dns ?? [];
  return {
    [NETWORK_LABEL]: network,
    ...(address && { [ADDRESS_LABEL]: address }),
    ...(aliases.length > 0 && { [ALIASES_LABEL]: aliases.join(',') }),
    ...(servers.length > 0 && { [DNS_LABEL]: servers.join(',') }),
  };
}

/** Returns the body itself, not zod's copy, which would lack fields that the schema does not name. */
function parseBody(value: unknown): CreateBody {
  const parsed = createBody.safeParse(value);
  if (parsed.success) return value as CreateBody;
  const [issue] = parsed.error.issues;
  throw new AppError(
    'invalid',
    `the create call's ${issue?.path.join('.') || 'body'} is not valid: ${issue?.message}`,
  );
}

/**
 * A 400, although it is a network that was not found: on a 404 from create, `docker` pulls the image and never shows
 * the reason.
 */
async function unknownNetwork(networks: Networks, network: string): Promise<AppError> {
  try {
    await networks.get(network);
    return new AppError('unavailable', `network ${network} is being changed: try again`);
  } catch (error) {
    return new AppError('invalid', messageOf(error), { cause: error });
  }
}
