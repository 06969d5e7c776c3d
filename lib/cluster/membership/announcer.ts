import { serveAdmission } from '../admission/server.js';
import { ADMISSION_PORT } from '../../base/ports.js';
import type { Log } from '../../base/log.js';
import { singleFlight } from '../../concurrency/single-flight.js';
import { makeNodeCertificate } from '../consul/certificates.js';
import { DATACENTER } from '../consul/config.js';
import { serveIdentities, type AnswerClaim } from '../identity/server.js';
import type { Mdns } from '../discovery/mdns.js';
import type { Self } from './self.js';

/**
 * Lets other hosts find this member: it answers multicast DNS, tells members that start whether their identity is in use, and gives
 * out the key if the cluster generated that itself.
 */
export interface Announcer {
  /** Announces the present address. To be repeated when that has changed, or after a failure. */
  announce(): Promise<void>;
  /** Speaks and listens on the present device. */
  useDevice(): void;
  stop(): Promise<void>;
}

export interface AnnouncerOptions {
  hostId: string;
  self: Self;
  mdns: Mdns;
  answerClaim: AnswerClaim | undefined;
  /** Aborts when this host's membership ends. */
  signal: AbortSignal;
  log: Log;
}

export function createAnnouncer({
  hostId,
  self,
  mdns,
  answerClaim,
  signal,
  log,
}: AnnouncerOptions): Announcer {
  const { fingerprint, authoritySeed } = self.secrets;
  const stopping: (() => Promise<void>)[] = [];
  const stopServers = () => Promise.all(stopping.splice(0).map((stop) => stop()));
  const useDevice = () => mdns.use([self.underlay]);

  async function serve(): Promise<void> {
    await stopServers();
    const { member, underlay } = self;
    const certificate = await makeNodeCertificate(authoritySeed, DATACENTER, hostId);
    const answer = () => ({ key: member.key, peers: [self.underlay.address, ...self.member.peers] });
    signal.throwIfAborted();
    const { address } = underlay;
    if (answerClaim) stopping.push(await serveIdentities({ address, certificate, answer: answerClaim }));
    if (member.generated)
      stopping.push(await serveAdmission({ cluster: member.name, underlay, certificate, answer, log }));
    // The membership may have ended meanwhile, and then nothing else would stop these.
    if (signal.aborted) await stopServers();
  }

  return {
    useDevice,
    announce: singleFlight(async () => {
      const { name: cluster, generated } = self.member;
      useDevice();
      await mdns.announce({ hostId, cluster, fingerprint, port: generated ? ADMISSION_PORT : 0 });
      if (answerClaim ?? generated) await serve();
    }),
    async stop() {
      await Promise.all([mdns.announce(undefined), stopServers()]);
    },
  };
}
