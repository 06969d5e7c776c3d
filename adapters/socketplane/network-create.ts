import { z } from 'zod';
import type { PostHook, PreHook, Unwind } from '../../lib/adapter/index.js';
import { AppError } from '../../lib/base/errors.js';
import type { Network } from '../../lib/base/model.js';
import { DRIVER } from '../../lib/docker/driver-names.js';
import { networkBody } from '../../lib/docker/network-body.js';
import { tidy } from '../../lib/driver/settings.js';
import { parseBody } from './create-body.js';
import type { Deps } from './deps.js';
import { createPending } from './pending.js';

const strings = z.record(z.string(), z.string());
const networkCreate = z.object({
  Name: z.string(),
  Driver: z.string().nullish(),
  Scope: z.string().nullish(),
  Internal: z.boolean().nullish(),
  EnableIPv4: z.boolean().nullish(),
  EnableIPv6: z.boolean().nullish(),
  ConfigOnly: z.boolean().nullish(),
  ConfigFrom: z.object({ Network: z.string().nullish() }).nullish(),
  Ingress: z.boolean().nullish(),
  IPAM: z
    .object({
      Driver: z.string().nullish(),
      Config: z
        .array(
          z.object({
            Subnet: z.string().nullish(),
            Gateway: z.string().nullish(),
            IPRange: z.string().nullish(),
            AuxiliaryAddresses: strings.nullish(),
          }),
        )
        .nullish(),
    })
    .nullish(),
  Options: strings.nullish(),
  Labels: strings.nullish(),
});
type NetworkCreate = z.infer<typeof networkCreate>;

/** How long a call to make a network may take, in milliseconds: Docker waits no longer for its driver. */
const LONGEST_CREATE_MS = 150_000;

/** A network that is in the cluster, and is being made in Docker. */
interface Making {
  network: Network;
  letGo: () => void;
  /** Whether Docker has made it. */
  isMade: boolean;
}

/** The hooks of `POST /networks/create`: a network of ours is made in the cluster first, then in this Docker by the call itself. */
export function networkCreateHooks({ carrier, networks, fanOut }: Deps) {
  const pending = createPending<Making>({
    // Of a call that nobody has told the end of, Docker may have done its part.
    onDrop: (making, why) => (why === 'late' ? void takeBack(making).catch(() => undefined) : making.letGo()),
    patience: LONGEST_CREATE_MS,
  });

  async function takeBack({ network, letGo }: Making): Promise<void> {
    try {
      await carrier.remove(network.id);
    } catch (error) {
      if (!(error instanceof AppError && error.kind === 'notFound')) throw error;
    } finally {
      letGo();
    }
  }

  return {
    async pre({ RequestId, ClientRequest: { Body } }: PreHook) {
      if (!isOurs(Body)) return;
      const body = parseBody(networkCreate, Body, 'the call');
      const { Name: name, IPAM } = body;
      assertPossible(body);
      if ((await networks.find(name)) !== undefined)
        throw new AppError('conflict', `network with name ${name} already exists`);
      // One of this name that another host has removed just now would be in Docker's way.
      await fanOut.reconcile().catch(() => undefined);
      const letGo = fanOut.hold(name);
      try {
        const network = await carrier.create(name, choiceOf(body));
        const end = fanOut.making(network);
        const endAll = () => (end(), letGo());
        pending.put(RequestId, { network, letGo: endAll, isMade: false });
        const ours = networkBody(network);
        return {
          ModifiedClientRequest: {
            Body: {
              ...body,
              CheckDuplicate: true,
              IPAM: { ...IPAM, ...(ours['IPAM'] as object) },
            },
          },
        };
      } catch (error) {
        letGo();
        throw error;
      }
    },

    post({ RequestId, ServerResponse: { Code } }: PostHook): void {
      const making = Code === 201 ? pending.take(RequestId) : undefined;
      if (!making) return;
      making.letGo();
      // A hook of another adapter may refuse what Docker has made.
      pending.put(RequestId, { ...making, isMade: true });
    },

    async unwind({ RequestId, Reason }: Unwind): Promise<void> {
      const making = pending.end(RequestId);
      // A client that has left after Docker made the network has it.
      if (making && !(making.isMade && Reason.By === 'client')) await takeBack(making);
    },
  };
}

function isOurs(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'Driver' in body && body.Driver === DRIVER;
}

function choiceOf({ IPAM, Internal, Options, Labels }: NetworkCreate) {
  const [config] = IPAM?.Config ?? [];
  return {
    subnet: config?.Subnet || undefined,
    gateway: config?.Gateway || undefined,
    settings: tidy({
      internal: Internal ?? false,
      namesGateway: Boolean(config?.Gateway),
      range: config?.IPRange || undefined,
      aux: config?.AuxiliaryAddresses ?? {},
      labels: Labels ?? {},
      options: Options ?? {},
    }),
  };
}

/** Refuses in words what a network of ours cannot be. */
function assertPossible(body: NetworkCreate): void {
  const { EnableIPv4, EnableIPv6, ConfigOnly, ConfigFrom, Ingress, Scope, IPAM } = body;
  const refuse = (what: string) => new AppError('invalid', `a SocketPlane network ${what}`);
  if (EnableIPv4 === false) throw refuse('has IPv4: leave --ipv4=false out');
  if (EnableIPv6) throw refuse('has no IPv6: leave --ipv6 out');
  if (ConfigOnly || ConfigFrom?.Network)
    throw refuse('has its configuration in the cluster: leave --config-… out');
  if (Ingress || Scope === 'swarm')
    throw refuse('is not for Swarm services: leave --ingress and --scope out');
  const driver = IPAM?.Driver ?? '';
  if (!['', 'default', DRIVER].includes(driver)) throw refuse(`takes no other IPAM driver (${driver})`);
  if ((IPAM?.Config?.length ?? 0) > 1) throw refuse('has one subnet');
}
