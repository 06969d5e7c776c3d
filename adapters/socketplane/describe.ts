import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { ServerResponse } from '../../lib/adapter/index.js';
import type { Connection } from '../../lib/endpoints/attachments.js';
import { ADDRESS_LABEL, ALIASES_LABEL, networkOf } from '../../lib/docker/labels.js';

type Find = (id: string) => Connection | undefined;

/** The parts that we read of a container in a list; an inspection has the labels elsewhere. */
const listed = z.object({
  Id: z.string(),
  Labels: z.record(z.string(), z.string()).nullish(),
  HostConfig: z.object({ NetworkMode: z.string().optional() }),
  State: z.string(),
  NetworkSettings: z.record(z.string(), z.unknown()).nullish(),
});
const inspected = z.object({
  Id: z.string(),
  State: z.object({ Running: z.boolean() }),
  Config: z.object({ Labels: z.record(z.string(), z.string()).nullish() }),
  HostConfig: z.object({ NetworkMode: z.string() }),
  NetworkSettings: z.record(z.string(), z.unknown()),
});

/** Returns the document itself, not zod's copy, which would lack fields that the schema does not name. */
function read<T>(schema: z.ZodType<T>, value: unknown): T | undefined {
  return schema.safeParse(value).success ? (value as T) : undefined;
}

/** Makes an inspection show the network, address, MAC and gateway that the container has. */
export function describeInspected({ Code, Body }: ServerResponse, find: Find) {
  const container = read(inspected, Body);
  if (Code !== 200 || !container) return;
  const { Id, State, Config, HostConfig, NetworkSettings } = container;
  const labels = Config.Labels ?? {};
  const network = networkOf({ networkMode: HostConfig.NetworkMode, labels });
  if (network === undefined) return;
  const endpoint = endpointSettings(Id, network, labels, State.Running ? find(Id) : undefined);
  HostConfig.NetworkMode = network;
  NetworkSettings['Networks'] = { [network]: endpoint };
  // Docker fills these in only for its default network; scripts read them, and ours is the container's only network.
  for (const key of ['IPAddress', 'IPPrefixLen', 'Gateway', 'MacAddress', 'EndpointID'] as const) {
    if (NetworkSettings[key] !== undefined) NetworkSettings[key] = endpoint[key];
  }
  return { ModifiedServerResponse: { Body: container } };
}

/** The same for each of our containers in a list. */
export function describeListed({ Code, Body }: ServerResponse, find: Find) {
  if (Code !== 200 || !Array.isArray(Body)) return;
  for (const container of Body) describeEntry(container, find);
  return { ModifiedServerResponse: { Body } };
}

function describeEntry(value: unknown, find: Find): void {
  const container = read(listed, value);
  if (!container) return;
  const { Id, State, HostConfig, NetworkSettings } = container;
  const labels = container.Labels ?? {};
  const network = networkOf({ networkMode: HostConfig.NetworkMode ?? '', labels });
  if (network === undefined) return;
  const isRunning = State === 'running' || State === 'paused';
  const endpoint = endpointSettings(Id, network, labels, isRunning ? find(Id) : undefined);
  HostConfig.NetworkMode = network;
  container.NetworkSettings = { ...NetworkSettings, Networks: { [network]: endpoint } };
}

/** Docker's `EndpointSettings`. As on Docker's own networks, a container that is not running shows no address. */
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

/** Docker's identifiers are 64 hex digits; ours are derived from names, so that they are the same every time. */
function sha256(text: string): string {
  return createHash('sha256').update(`socketplane ${text}`).digest('hex');
}
