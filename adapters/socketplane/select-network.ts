import { z } from 'zod';
import { AppError } from '../../lib/base/errors.js';
import { ADDRESS_LABEL, NETWORK_LABEL } from '../../lib/docker/labels.js';
import { DEFAULT_NETWORK } from '../../lib/network/networks.js';

const ENV = 'SP_NETWORK';

const endpointConfig = z
  .object({
    IPAMConfig: z
      .object({
        IPv4Address: z.string().nullish(),
        IPv6Address: z.string().nullish(),
        LinkLocalIPs: z.array(z.string()).nullish(),
      })
      .nullish(),
    Links: z.array(z.string()).nullish(),
    Aliases: z.array(z.string()).nullish(),
    MacAddress: z.string().nullish(),
    DriverOpts: z.record(z.string(), z.string()).nullish(),
  })
  .nullish();

/** The fields of a create body that have to do with networks; Docker checks the rest. */
export const createBody = z.object({
  Env: z.array(z.string()).nullish(),
  Labels: z.record(z.string(), z.string()).nullish(),
  MacAddress: z.string().nullish(),
  HostConfig: z
    .object({
      NetworkMode: z.string().nullish(),
      PortBindings: z.record(z.string(), z.unknown()).nullish(),
      PublishAllPorts: z.boolean().nullish(),
      Links: z.array(z.string()).nullish(),
      Dns: z.array(z.string()).nullish(),
      DnsOptions: z.array(z.string()).nullish(),
    })
    .nullish(),
  NetworkingConfig: z.object({ EndpointsConfig: z.record(z.string(), endpointConfig).nullish() }).nullish(),
});
export type CreateBody = z.infer<typeof createBody>;
export type EndpointConfig = z.infer<typeof endpointConfig>;

/** Which network a new container asks for, and with which address. */
export interface Selection {
  network: string;
  /** `environment`: SP_NETWORK or the label; `mode`: `--network`; `default`: no network was named. */
  by: 'environment' | 'mode' | 'default';
  address?: string;
}

/**
 * The network that SP_NETWORK or the label `socketplane.network` names, else that of `--network`, else the default
 * network. Undefined when the container is left to Docker.
 *
 * @param isOurs whether a name belongs to one of our networks
 * @throws AppError `invalid` when the choices contradict each other
 */
export function selectNetwork(body: CreateBody, isOurs: (name: string) => boolean): Selection | undefined {
  const mode = body.HostConfig?.NetworkMode ?? '';
  const address = requestedAddress(body);
  const named = namedNetwork(body);
  if (named !== undefined) {
    if (mode === 'host' || mode.startsWith('container:')) {
      throw new AppError(
        'invalid',
        `${ENV} or label ${NETWORK_LABEL} (${named}) contradicts --network ${mode}: drop one`,
      );
    }
    return { network: named, by: 'environment', address };
  }
  if (mode === '' || mode === 'default') return { network: DEFAULT_NETWORK, by: 'default', address };
  return isOurs(mode) ? { network: mode, by: 'mode', address } : undefined;
}

/** The endpoint settings for the network that the client asked for, whatever that network is called. */
export function endpointOfMode(body: CreateBody): EndpointConfig {
  const endpoints = body.NetworkingConfig?.EndpointsConfig ?? {};
  const mode = body.HostConfig?.NetworkMode;
  return (
    endpoints[mode === undefined || mode === null || mode === '' ? 'default' : mode] ??
    Object.values(endpoints)[0]
  );
}

function namedNetwork({ Env, Labels }: CreateBody): string | undefined {
  // The last one counts, as it does in the container.
  const variable = Env?.findLast((entry) => entry.startsWith(`${ENV}=`))?.slice(ENV.length + 1);
  const label = Labels?.[NETWORK_LABEL];
  if (variable && label && variable !== label) {
    throw new AppError(
      'invalid',
      `${ENV}=${variable} contradicts the label ${NETWORK_LABEL}=${label}: drop one`,
    );
  }
  // An empty value, as in `-e SP_NETWORK=`, is not a choice.
  return [variable, label].find((name) => name !== undefined && name !== '');
}

function requestedAddress(body: CreateBody): string | undefined {
  const option = endpointOfMode(body)?.IPAMConfig?.IPv4Address;
  const label = body.Labels?.[ADDRESS_LABEL];
  if (option && label && option !== label) {
    throw new AppError('invalid', `--ip ${option} contradicts the label ${ADDRESS_LABEL}=${label}: drop one`);
  }
  return [option ?? undefined, label].find((ip) => ip !== undefined && ip !== '');
}
