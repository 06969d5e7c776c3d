import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { ServerResponse } from '../../lib/hook/v1.js';
import { editJson, type JsonText } from '../../lib/json/edit.js';
import type { Connection } from '../../lib/endpoints/attachments.js';
import { ADDRESS_LABEL, ALIASES_LABEL, networkOf } from '../../lib/docker/labels.js';

type Find = (id: string) => Connection | undefined;

/** The parts of a container in a list that we read; an inspection has its labels elsewhere. */
const listed = z.object({
  Id: z.string(),
  Labels: z.record(z.string(), z.string()).nullish(),
  HostConfig: z.object({ NetworkMode: z.string().default('') }),
  State: z.string(),
});
const inspected = z.object({
  Id: z.string(),
  State: z.object({ Running: z.boolean() }),
  Config: z.object({ Labels: z.record(z.string(), z.string()).nullish() }),
  HostConfig: z.object({ NetworkMode: z.string() }),
});

/** Let an inspection tell the network, address, MAC and gateway that the container has. */
export function afterInspect(response: ServerResponse, find: Find): ServerResponse {
  if (response.Code !== 200 || !response.Body) return response;
  const json = editJson(response.Body);
  const container = inspected.safeParse(json.get([]));
  if (!container.success) return response;
  const { Id, State, Config, HostConfig } = container.data;
  const labels = Config.Labels ?? {};
  const network = networkOf({ networkMode: HostConfig.NetworkMode, labels });
  if (network === undefined) return response;
  const endpoint = endpointSettings(Id, network, labels, State.Running ? find(Id) : undefined);
  json.set(['HostConfig', 'NetworkMode'], network);
  json.set(['NetworkSettings', 'Networks'], { [network]: endpoint });
  // Docker fills these for its default network alone; scripts read them, and ours is the only network there is.
  for (const key of ['IPAddress', 'IPPrefixLen', 'Gateway', 'MacAddress', 'EndpointID'] as const) {
    if (json.get(['NetworkSettings', key]) !== undefined) json.set(['NetworkSettings', key], endpoint[key]);
  }
  return { ...response, Body: json.toString() };
}

/** The same for each of our containers in a list. */
export function afterList(response: ServerResponse, find: Find): ServerResponse {
  if (response.Code !== 200 || !response.Body) return response;
  const json = editJson(response.Body);
  const containers = z.array(z.unknown()).safeParse(json.get([]));
  for (const [index, value] of (containers.data ?? []).entries()) describeListed(json, index, value, find);
  return { ...response, Body: json.toString() };
}

function describeListed(json: JsonText, index: number, value: unknown, find: Find): void {
  const container = listed.safeParse(value);
  if (!container.success) return;
  const { Id, State, Labels, HostConfig } = container.data;
  const labels = Labels ?? {};
  const network = networkOf({ networkMode: HostConfig.NetworkMode, labels });
  if (network === undefined) return;
  const isRunning = State === 'running' || State === 'paused';
  json.set([index, 'HostConfig', 'NetworkMode'], network);
  json.set([index, 'NetworkSettings', 'Networks'], {
    [network]: endpointSettings(Id, network, labels, isRunning ? find(Id) : undefined),
  });
}

/** Docker's `EndpointSettings`. As with its own networks, a container that does not run shows no address. */
function endpointSettings(
  id: string,
  network: string,
  labels: Record<string, string>,
  connection?: Connection,
) {
  const { [ADDRESS_LABEL]: requested, [ALIASES_LABEL]: aliases } = labels;
  const up = connection?.state === 'up' ? connection : undefined;
  return {
    IPAMConfig: requested === undefined ? null : { IPv4Address: requested },
    Links: null,
    Aliases: aliases?.split(',') ?? null,
    MacAddress: up?.mac ?? '',
    NetworkID: sha256(`network ${network}`),
    EndpointID: up ? sha256(`endpoint ${id} ${network}`) : '',
    Gateway: up?.network.gateway ?? '',
    IPAddress: up?.ip ?? '',
    IPPrefixLen: up ? Number(up.network.subnet.split('/')[1]) : 0,
    IPv6Gateway: '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    DriverOpts: null,
    DNSNames: null,
  };
}

/** Docker's identifiers are 64 hex digits; ours are made from names so as to be the same at every look. */
function sha256(text: string): string {
  return createHash('sha256').update(`socketplane ${text}`).digest('hex');
}
