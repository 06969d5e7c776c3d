import type { z } from 'zod';
import type * as schemas from '../../api/schemas.js';

// The agent's answers, parsed by its API's schemas.

export {
  cluster,
  configuration,
  connection,
  converged,
  failure,
  health,
  lease,
  network,
  networkDetails,
  restored,
} from '../../api/schemas.js';

export type NetworkAnswer = z.infer<typeof schemas.network>;
export type NetworkDetailsAnswer = z.infer<typeof schemas.networkDetails>;
export type RestoredAnswer = z.infer<typeof schemas.restored>;
export type LeaseAnswer = z.infer<typeof schemas.lease>;
export type ConnectionAnswer = z.infer<typeof schemas.connection>;
export type ClusterAnswer = z.infer<typeof schemas.cluster>;
export type ConfigurationAnswer = z.infer<typeof schemas.configuration>;
export type HealthAnswer = z.infer<typeof schemas.health>;

/** What is wrong with Docker, Open vSwitch, the store, names and the firewall, each with its reason. Empty when all is well. */
export function problemsOf({ docker, ovs, store, names, firewall }: HealthAnswer): string[] {
  const parts = { Docker: docker, 'Open vSwitch': ovs, store, names, firewall };
  return Object.entries(parts)
    .filter(([, state]) => !state.startsWith('ok'))
    .map(([part, state]) => (state.startsWith(part) ? state : `${part}: ${state}`));
}
