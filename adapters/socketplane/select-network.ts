import { AppError } from '../../lib/base/errors.js';
import { ADDRESS_LABEL, NETWORK_LABEL } from '../../lib/docker/labels.js';
import { userAddress } from '../../lib/endpoints/kept-address.js';
import { DEFAULT_NETWORK, networkNamed } from '../../lib/network/networks.js';
import type { CreateBody, EndpointSettings } from './create-body.js';

const ENV = 'SP_NETWORK';

/** Which network a new container asks for. */
export interface Selection {
  /** Its name in the cluster, or what `--network` says. */
  network: string;
  /** `environment`: SP_NETWORK or the label; `mode`: `--network`; `default`: no network was named. */
  by: 'environment' | 'mode' | 'default';
}

/**
 * The network that SP_NETWORK or the label `socketplane.network` names, else that of `--network`, else the default network.
 * Undefined when the container is to have none, or that of the host or of another container. An image's labels and variables
 * are not in the body: they choose nothing.
 *
 * @throws AppError `invalid` when the choices contradict each other
 */
export function selectNetwork(body: CreateBody): Selection | undefined {
  const mode = modeOf(body);
  const named = namedNetwork(body);
  if (body.NetworkDisabled) return undefined;
  if (named !== undefined) {
    if (mode === 'host' || mode.startsWith('container:')) {
      throw new AppError(
        'invalid',
        `${ENV} or label ${NETWORK_LABEL} (${named}) contradicts --network ${mode}: drop one`,
      );
    }
    return { network: networkNamed(named), by: 'environment' };
  }
  if (mode === 'default') return { network: DEFAULT_NETWORK, by: 'default' };
  if (['host', 'none', 'bridge'].includes(mode) || mode.startsWith('container:')) return undefined;
  return { network: mode, by: 'mode' };
}

/**
 * `--network`; `default` when the client named none. A program that gives settings for networks without a mode means the
 * networks of the settings.
 */
export function modeOf({ HostConfig, NetworkingConfig }: CreateBody): string {
  const mode = HostConfig?.NetworkMode || 'default';
  const names = Object.keys(NetworkingConfig?.EndpointsConfig ?? {});
  return mode === 'default' && !names.includes(mode) ? (names[0] ?? mode) : mode;
}

/**
 * The address that the user asked for, by `--ip` or by label.
 *
 * @throws AppError `invalid` when the two contradict each other
 */
export function requestedAddress({ Labels }: CreateBody, settings: NonNullable<EndpointSettings>) {
  const option = userAddress(settings);
  const label = Labels?.[ADDRESS_LABEL];
  if (option && label && option !== label) {
    throw new AppError('invalid', `--ip ${option} contradicts the label ${ADDRESS_LABEL}=${label}: drop one`);
  }
  return [option, label].find((ip) => ip !== undefined && ip !== '');
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
