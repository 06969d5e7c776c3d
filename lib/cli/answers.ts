import { z } from 'zod';

// What the agent answers. Loose: a newer agent may say more, and `--json` passes it on.

export const network = z.looseObject({
  id: z.string(),
  subnet: z.string(),
  gateway: z.string(),
  vni: z.number().int(),
});
export type NetworkAnswer = z.infer<typeof network>;

export const networkDetails = network.extend({
  addresses: z.looseObject({
    total: z.number(),
    used: z.number(),
    hosts: z.array(z.looseObject({ name: z.string(), used: z.number() })).default([]),
  }),
  connections: z.array(z.string()),
});
export type NetworkDetailsAnswer = z.infer<typeof networkDetails>;

export const connection = z.looseObject({
  container_id: z.string(),
  container_name: z.string(),
  container_pid: z.string(),
  network: z.string(),
  ovs_port_id: z.string(),
  connection_details: z.looseObject({
    name: z.string(),
    ip: z.string(),
    subnet: z.string(),
    mac: z.string(),
    gateway: z.string(),
  }),
  state: z.string(),
  /** Why, where the state is not a good one. */
  reason: z.string().optional(),
});
export type ConnectionAnswer = z.infer<typeof connection>;

export const cluster = z.looseObject({
  state: z.string(),
  id: z.string(),
  name: z.string(),
  server: z.boolean(),
  interface: z.string().optional(),
  address: z.string().optional(),
  /** Why it is not a member yet. */
  problem: z.string().optional(),
  members: z.array(
    z.looseObject({
      id: z.string(),
      name: z.string(),
      address: z.string(),
      server: z.boolean(),
      state: z.string(),
    }),
  ),
});
export type ClusterAnswer = z.infer<typeof cluster>;

export const health = z.looseObject({
  status: z.enum(['ok', 'degraded']),
  version: z.string(),
  docker: z.string(),
  ovs: z.string(),
  store: z.string(),
});
export type HealthAnswer = z.infer<typeof health>;

/** The parts that do not work, each with its reason. Empty: all is well. */
export function complaints({ docker, ovs, store }: HealthAnswer): string[] {
  const parts = { Docker: docker, 'Open vSwitch': ovs, store };
  return Object.entries(parts)
    .filter(([, state]) => !state.startsWith('ok'))
    .map(([part, state]) => (state.startsWith(part) ? state : `${part}: ${state}`));
}
