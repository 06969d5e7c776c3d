import { z } from 'zod';
import { LOG_LEVELS } from '../base/log.js';
import { vxlanPort } from '../config/cluster.js';

// What the API accepts and returns: routes parse requests with these schemas, the command reads answers with them, and the
// OpenAPI document is generated from them. Answers are loose, as a newer agent may say more; enumerations that a newer one
// may extend are strings here, with the known values listed for readers.

const oneOf = (...words: string[]) => z.string().meta({ enum: words });

const strings = z.record(z.string(), z.string());

export const failure = z.looseObject({
  message: z.string().describe('One line: what was wanted, what was found, what to do.'),
});

export const network = z.looseObject({
  id: z.string().describe('Its name.'),
  subnet: z.string().meta({ examples: ['10.1.0.0/16'] }),
  gateway: z.string().describe('The first address of the subnet, unless its creator chose another.'),
  vni: z.number().int().describe('Virtual network identifier, unique in the cluster.'),
  settings: z
    .looseObject({
      internal: z.boolean().optional().describe('Whether there is no way out of it.'),
      namesGateway: z.boolean().optional().describe('Whether its creator named the gateway.'),
      range: z.string().optional().describe('CIDR from which addresses are taken.'),
      aux: strings.optional().describe('Addresses by name that are kept aside.'),
      labels: strings.optional(),
      options: strings.optional().describe('Driver options.'),
    })
    .optional()
    .describe('What else its creator chose.'),
});

export const networkDetails = network.extend({
  addresses: z.looseObject({
    total: z.number().int(),
    used: z.number().int(),
    hosts: z
      .array(z.looseObject({ id: z.string(), name: z.string(), used: z.number().int() }))
      .describe('How many of them each host has given away.'),
  }),
  connections: z.array(z.string()).describe('Names of the containers of this host that are on it.'),
});

export const networkRequest = z.strictObject({
  id: z.string(),
  subnet: z.string().optional().describe('IPv4 CIDR; the first free private one where it is left out.'),
  gateway: z.string().optional().describe('An address of the subnet; its first where it is left out.'),
  internal: z.boolean().optional().describe('Whether there is to be no way out of it.'),
  range: z.string().optional().describe('CIDR in the subnet from which addresses are taken.'),
  aux: strings.optional().describe('Addresses by name that are kept aside.'),
  labels: strings.optional(),
  options: strings.optional().describe('Driver options.'),
});

export const connection = z.looseObject({
  container_id: z.string(),
  container_name: z.string(),
  container_pid: z.string().describe('"0" when it does not run.'),
  network: z.string(),
  ovs_port_id: z.string().describe('Empty when it does not run.'),
  connection_details: z.looseObject({
    name: z.string().describe('As ovs_port_id.'),
    ip: z.string(),
    subnet: z.string(),
    mac: z.string(),
    gateway: z.string(),
  }),
  state: oneOf('starting', 'up', 'down', 'failed'),
  reason: z.string().optional().describe('Why the state is failed.'),
  endpoint_id: z.string().optional().describe("Docker's id of the endpoint; absent when it does not run."),
});

/** A whole connection may be sent, as with the original SocketPlane: what the caller cannot choose is ignored. */
export const connectionRequest = z.strictObject({
  container_id: z.string().min(1).describe('Id, unique beginning of it, or name.'),
  network: z.string().optional().describe('Checked when given: Docker connects containers.'),
  ...connection
    .pick({ container_name: true, container_pid: true, ovs_port_id: true, state: true, endpoint_id: true })
    .partial().shape,
  connection_details: z.looseObject({}).optional(),
});

export const lease = z.looseObject({
  network: z.string(),
  ip: z.string(),
  container: z.string().optional().describe('Its full id, once there is a container.'),
  endpoint: z.string().optional().describe("Docker's id of the endpoint that has it; absent while none has."),
  kept: z.boolean().describe("Whether it stays the container's until that is removed."),
  mac: z.string().optional().describe('Absent where it follows from the address.'),
  names: z.array(z.string()).describe('By which the network finds it; its own name first.'),
  host: z.string().describe('Id of the host that it is on.'),
  up: z.boolean().describe('Whether it runs, or is about to.'),
  time: z.string().describe('When the address was given.').meta({ format: 'date-time' }),
});

/** What `GET /networks` and `GET /leases` answered once. */
export const restoreRequest = z.strictObject({ networks: z.array(network), leases: z.array(lease) });

export const restored = z.looseObject({
  networks: z.looseObject({ made: z.array(z.string()), there: z.array(z.string()) }),
  addresses: z.looseObject({
    made: z.number().int(),
    there: z.number().int(),
    lost: z.array(z.looseObject({ network: z.string(), ip: z.string(), why: z.string() })),
  }),
});

export const cluster = z.looseObject({
  state: oneOf('none', 'seeking', 'joining', 'member', 'leaving'),
  id: z.string().describe('Of this host.'),
  name: z.string().describe('Of the cluster.'),
  server: z.boolean().describe('Whether this host runs a Consul server.'),
  interface: z.string().optional().describe('The device that carries the cluster.'),
  address: z.string().optional(),
  vxlanPort: z.number().int().optional().describe('UDP port of the cluster’s tunnels; only of a member.'),
  problem: z.string().optional().describe('Why the host is no member although it is to be one.'),
  members: z.array(
    z.looseObject({
      id: z.string(),
      name: z.string(),
      address: z.string(),
      joined: z.string().meta({ format: 'date-time' }),
      version: z.string().optional().describe('Of SocketPlane there, if it says so.'),
      server: z.boolean(),
      state: oneOf('up', 'no tunnel', 'agent away', 'silent').describe(
        '`no tunnel`: from this host there is none. `agent away`: its containers run on. `silent`: the host itself says nothing.',
      ),
      problem: z.string().optional().describe('Why there is no tunnel.'),
    }),
  ),
});

export const bindQuery = z.strictObject({
  iface: z
    .string('name the device: ?iface=eth0')
    .regex(/^[^\s/]{1,15}$/, 'expected the name of a network device, up to 15 characters')
    .describe('Name of a network device.'),
});

export const bootstrapQuery = z.strictObject({
  vxlanPort: z.coerce
    .number('expected a port')
    .pipe(vxlanPort)
    .optional()
    .describe('UDP port of tunnels; that of agent.yml, or 6680, where it is left out.'),
});

export const joinQuery = z.strictObject({
  address: z
    .ipv4('expected an IPv4 address')
    .optional()
    .describe('Of any member; multicast DNS finds one where it is left out.'),
});

export const health = z.looseObject({
  status: z.enum(['ok', 'degraded']),
  version: z.string(),
  docker: z.string(),
  ovs: z.string(),
  store: z.string(),
  names: z
    .string()
    .default('ok')
    .describe('Whether containers have name servers on the gateways of their networks.'),
  firewall: z
    .string()
    .default('ok')
    .describe('Whether firewalld, where it runs, could be told to let containers and tunnels through.'),
});

export const converged = z.looseObject({
  ok: z.boolean().describe('Whether the data plane is as it should be.'),
});

export const configuration = z.looseObject({
  bridge_name: z.string(),
  bridge_ip: z.string().optional().describe('Gateway of the network socketplane.'),
  bridge_cidr: z.string().optional().describe('Subnet of the network socketplane.'),
  bridge_mtu: z.number().int().describe('MTU of containers.'),
  listen: z.string(),
  tcp: z.string().optional(),
  docker: z.string(),
  state: z.string(),
  bridge: z.string(),
  datapath: oneOf('kernel', 'userspace', 'auto').describe('`auto` while Open vSwitch has not answered yet.'),
  log: oneOf(...LOG_LEVELS),
  cluster: z.looseObject({
    name: z.string(),
    bootstrap: z.boolean().optional(),
    interface: z.string().optional(),
    join: z.array(z.string()),
    vxlanPort: z.number().int().optional(),
    leaseGrace: z.number().int().describe('Milliseconds.'),
    mdns: z.boolean(),
  }),
  consul: z.looseObject({ address: z.string(), prefix: z.string() }).optional(),
});

/** Everything else may be sent too, if it is unchanged. */
export const configurationRequest = z.looseObject({ log: z.enum(LOG_LEVELS).optional() });
