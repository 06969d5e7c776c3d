import { z } from 'zod';
import { retryBriefly } from '../../lib/concurrency/retry-briefly.js';
import { AppError, messageOf } from '../../lib/base/errors.js';
import type { ClientRequest, ServerResponse } from '../../lib/hook/v1.js';
import { editJson, type JsonText } from '../../lib/json/edit.js';
import type { Path } from '../../lib/json/tree.js';
import type { Ipam } from '../../lib/ipam/ipam.js';
import { ADDRESS_LABEL, ALIASES_LABEL, DNS_LABEL, NETWORK_LABEL } from '../../lib/docker/labels.js';
import type { Networks } from '../../lib/network/networks.js';
import type { Network } from '../../lib/base/model.js';
import { createBody, endpointOfMode, selectNetwork, type CreateBody } from './select-network.js';
import { warningsFor } from './warnings.js';

/**
 * Carries the warnings from the pre-hook to the post-hook, which sees the modified request. Docker ignores fields that
 * it does not know.
 */
const WARNINGS = 'SocketplaneWarnings';

/** Put the new container on its network: the body is changed in place, everything else in it stays as it was sent. */
export async function beforeCreate(
  request: ClientRequest,
  { networks, ipam }: { networks: Networks; ipam: Ipam },
): Promise<ClientRequest> {
  const json = editJson(request.Body ?? '');
  const body = parseBody(json.get([]));
  const known = await retryBriefly(() => networks.list());
  const selection = selectNetwork(body, (name) => known.some(({ id }) => id === name));
  if (!selection) return request;
  const { network, address } = selection;
  const found = known.find(({ id }) => id === network);
  if (!found) throw await unknownNetwork(networks, network);
  if (address !== undefined) await retryBriefly(() => ipam.check(found, address));

  setAll(json, ['HostConfig'], body.HostConfig, hostConfig(body, found));
  // Docker refuses endpoints beside the mode "none".
  if (body.NetworkingConfig) json.set(['NetworkingConfig'], {});
  if (body.MacAddress) json.set(['MacAddress'], '');
  setAll(json, ['Labels'], body.Labels, labelsFor(body, network, address));
  const warnings = warningsFor(body, network);
  if (warnings.length > 0) json.set([WARNINGS], warnings);
  return { ...request, Body: json.toString() };
}

/** Names are asked of the gateway; without `ndots:0`, a name of one word would first be looked for in search domains. */
function hostConfig({ HostConfig }: CreateBody, { gateway }: Network): Record<string, unknown> {
  const options = HostConfig?.DnsOptions ?? [];
  const dots = options.some((option) => option.startsWith('ndots:')) ? [] : ['ndots:0'];
  return { NetworkMode: 'none', Dns: [gateway], DnsOptions: [...options, ...dots] };
}

/** What has to be known of the container later. */
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

/** Set fields of an object that may not be there. */
function setAll(json: JsonText, path: Path, present: unknown, fields: Record<string, unknown>): void {
  if (!present) json.set(path, fields);
  else for (const [key, value] of Object.entries(fields)) json.set([...path, key], value);
}

/** Add our warnings to Docker's. */
export function afterCreate(request: ClientRequest, response: ServerResponse): ServerResponse {
  if (response.Code !== 201 || !response.Body || !request.Body?.includes(WARNINGS)) return response;
  const ours = z.array(z.string()).safeParse(editJson(request.Body).get([WARNINGS]));
  if (!ours.success) return response;
  const json = editJson(response.Body);
  const theirs = json.get(['Warnings']);
  json.set(['Warnings'], [...(Array.isArray(theirs) ? (theirs as unknown[]) : []), ...ours.data]);
  return { ...response, Body: json.toString() };
}

function parseBody(value: unknown): CreateBody {
  const parsed = createBody.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new AppError(
    'invalid',
    `the create call's ${issue?.path.join('.') || 'body'} is not valid: ${issue?.message}`,
  );
}

/**
 * A 400, although a network is what is not found: to a 404 on create, `docker` answers by pulling the image, and never
 * shows the reason.
 */
async function unknownNetwork(networks: Networks, network: string): Promise<AppError> {
  try {
    await networks.get(network);
    return new AppError('unavailable', `network ${network} is being changed: try again`);
  } catch (error) {
    return new AppError('invalid', messageOf(error), { cause: error });
  }
}
