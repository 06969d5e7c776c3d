import type { Network } from '../base/model.js';

/** The option of `docker network create` that names an MTU, as for Docker's own drivers. */
const MTU_OPTION = 'com.docker.network.driver.mtu';
/** The least that IPv4 allows. */
const LEAST_MTU = 68;

/**
 * The MTU of a network's links and gateway, in bytes: what its creator chose, but never more than what the underlay carries.
 * What is no number, or none that IPv4 allows, counts as no choice.
 *
 * @param carried MTU of containers' links that the underlay allows
 */
export function networkMtu({ settings }: Pick<Network, 'settings'>, carried: number): number {
  const chosen = settings?.options?.[MTU_OPTION] ?? '';
  if (!/^\d+$/.test(chosen) || Number(chosen) < LEAST_MTU) return carried;
  return Math.min(Number(chosen), carried);
}
