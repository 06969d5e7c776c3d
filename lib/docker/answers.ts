import { z } from 'zod';
import type { Attached, Container, DockerNetwork, ListedContainer } from './docker.js';

/** Docker's answers, as far as they are read here. */

/** Beginning of a time that is none. */
const NEVER = '0001-01-01';

const strings = z.record(z.string(), z.string());

const attachment = z.object({
  NetworkID: z.string().default(''),
  EndpointID: z.string().default(''),
  IPAddress: z.string().default(''),
  MacAddress: z.string().default(''),
  IPAMConfig: z.object({ IPv4Address: z.string().nullish() }).nullish(),
  Aliases: z.array(z.string()).nullish(),
  DriverOpts: strings.nullish(),
});
const attachments = z.record(z.string(), attachment.nullable()).nullish();

const inspection = z.object({
  Id: z.string(),
  Name: z.string(),
  State: z.object({
    Running: z.boolean(),
    Pid: z.number(),
    Error: z.string().default(''),
    StartedAt: z.string().default(NEVER),
  }),
  Config: z.object({ Hostname: z.string().default(''), Labels: strings.nullish() }),
  HostConfig: z.object({
    Dns: z.array(z.string()).nullish(),
    DnsSearch: z.array(z.string()).nullish(),
    RestartPolicy: z.object({ Name: z.string() }).nullish(),
  }),
  NetworkSettings: z.object({ Networks: attachments }),
});

const listed = z.object({
  Id: z.string(),
  Names: z.array(z.string()).nullish(),
  Labels: strings.nullish(),
  NetworkSettings: z.object({ Networks: attachments }).nullish(),
});

const network = z.object({
  Id: z.string(),
  Name: z.string(),
  Driver: z.string(),
  Internal: z.boolean().default(false),
  Labels: strings.nullish(),
  Options: strings.nullish(),
  IPAM: z
    .object({
      Driver: z.string().default(''),
      Config: z
        .array(
          z.object({
            Subnet: z.string().optional(),
            Gateway: z.string().optional(),
            IPRange: z.string().optional(),
            AuxiliaryAddresses: strings.nullish(),
          }),
        )
        .nullish(),
    })
    .nullish(),
});

export function readInspection(answer: unknown): Container {
  const { Id, Name, State, Config, HostConfig, NetworkSettings } = inspection.parse(answer);
  const running = State.Running && State.Pid > 0;
  const restarts = !['', 'no'].includes(HostConfig.RestartPolicy?.Name ?? '');
  const hasRun = !State.StartedAt.startsWith(NEVER);
  return {
    id: Id,
    name: nameIn(Name),
    hostname: Config.Hostname,
    running,
    pid: running ? State.Pid : 0,
    nameServers: HostConfig.Dns ?? [],
    searchDomains: HostConfig.DnsSearch ?? [],
    ...(restarts && hasRun && State.Error !== '' && { startError: State.Error }),
    labels: Config.Labels ?? {},
    attached: attachedIn(NetworkSettings.Networks),
  };
}

export function readContainers(answer: unknown): ListedContainer[] {
  return z
    .array(listed)
    .parse(answer)
    .map(({ Id, Names, Labels, NetworkSettings }) => ({
      id: Id,
      // A container that is linked to has further names, `/other/alias`.
      name: nameIn(Names?.find((name) => !name.slice(1).includes('/')) ?? ''),
      labels: Labels ?? {},
      attached: attachedIn(NetworkSettings?.Networks),
    }));
}

export function readNetworks(answer: unknown): DockerNetwork[] {
  return z
    .array(network)
    .parse(answer)
    .map(({ Id, Name, Driver, Internal, Labels, Options, IPAM }) => {
      const [config] = IPAM?.Config ?? [];
      return {
        id: Id,
        name: Name,
        driver: Driver,
        ipamDriver: IPAM?.Driver ?? '',
        ...(config?.Subnet && { subnet: config.Subnet }),
        ...(config?.Gateway && { gateway: config.Gateway }),
        ...(config?.IPRange && { range: config.IPRange }),
        aux: config?.AuxiliaryAddresses ?? {},
        internal: Internal,
        labels: Labels ?? {},
        options: Options ?? {},
      };
    });
}

function nameIn(text: string): string {
  return text.replace(/^\//, '');
}

function attachedIn(networks: z.infer<typeof attachments>): Attached[] {
  return Object.entries(networks ?? {}).flatMap(([name, found]) => {
    if (!found) return [];
    const { NetworkID, EndpointID, IPAddress, MacAddress, IPAMConfig, Aliases, DriverOpts } = found;
    return [
      {
        network: name,
        networkId: NetworkID,
        endpoint: EndpointID,
        ip: IPAddress,
        mac: MacAddress,
        ...(IPAMConfig?.IPv4Address && { requested: IPAMConfig.IPv4Address }),
        aliases: Aliases ?? [],
        options: DriverOpts ?? {},
      },
    ];
  });
}
