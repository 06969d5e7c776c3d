import type { Packet } from 'dns-packet';
import createSocket, { type MulticastDNS } from 'multicast-dns';
import { messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { pause } from '../../concurrency/pause.js';
import { announcementsIn, answersOf, asksForMembers, SERVICE, type Announcement } from './message.js';
import type { Underlay } from '../../base/model.js';
import { onSegment } from '../underlay.js';

/** Pauses before questions, in milliseconds; the last one repeats. */
const ASK_AFTER = [0, 1_000, 2_000, 4_000, 8_000, 30_000];
/** Milliseconds after which a device whose socket broke is tried again. */
const RETRY_MS = 5_000;
/** RFC 6762, 6: a record is not multicast again within a second. */
const ANSWER_PAUSE_MS = 1_000;
const GOODBYE_MS = 1_000;

/** A member that was discovered, at the address from which its packet came. */
export interface DiscoveredMember extends Announcement {
  address: string;
  /** Whether it said goodbye. */
  gone: boolean;
}

/** Discovery by multicast DNS (RFC 6762) on some of the host's devices. */
export interface Mdns {
  /** Speaks and listens on these devices from now on; one that is missing is tried again later. */
  use(underlays: Underlay[]): void;
  /** Sets what this host answers; undefined withdraws it. Without an answer of its own, the host asks for others instead. */
  announce(announcement: Announcement | undefined): Promise<void>;
  close(): Promise<void>;
}

/** Used where discovery is switched off. */
export const silentMdns: Mdns = {
  use: () => undefined,
  announce: async () => undefined,
  close: async () => undefined,
};

export interface MdnsOptions {
  hostId: string;
  /** Called for each answer, so many times for one host. */
  onDiscovered: (member: DiscoveredMember) => void;
  /** UDP port; default: 5353. For tests. */
  port?: number;
  log: Log;
}

export function createMdns({ hostId, onDiscovered, port, log }: MdnsOptions): Mdns {
  const speakers = new Map<string, Speaker>();
  let wanted = new Map<string, Underlay>();
  let announcement: Announcement | undefined;
  const retry = setInterval(open, RETRY_MS);
  retry.unref();

  function hear(underlay: Underlay, packet: Packet, from: string): void {
    // A socket hears what any socket of the host has joined, so also packets of other devices.
    if (from === underlay.address || !onSegment(underlay, from)) return;
    for (const said of announcementsIn(packet)) {
      if (said.hostId === hostId) {
        log.warn(
          'another host has this host’s id: one of them is a copy of the other, and becomes a host of its own',
          { address: from },
        );
      } else onDiscovered({ ...said, address: from });
    }
  }

  function speakOn(underlay: Underlay): Speaker {
    const speaker = createSpeaker({
      underlay,
      port,
      log,
      announcement: () => announcement,
      hear: (packet, from) => hear(underlay, packet, from),
      // The device was recreated under the socket.
      onBroken() {
        const key = keyOf(underlay);
        if (speakers.get(key) !== speaker) return;
        speakers.delete(key);
        void speaker.close();
      },
    });
    return speaker;
  }

  function open(): void {
    for (const [key, underlay] of wanted) {
      if (!speakers.has(key)) speakers.set(key, speakOn(underlay));
    }
  }

  return {
    use(underlays) {
      wanted = new Map(underlays.map((underlay) => [keyOf(underlay), underlay]));
      for (const [key, speaker] of speakers) {
        if (wanted.has(key)) continue;
        speakers.delete(key);
        void speaker.close();
      }
      open();
    },
    async announce(next) {
      const before = announcement;
      announcement = next;
      const all = [...speakers.values()];
      if (next) for (const speaker of all) speaker.announce();
      else await Promise.all(all.map((speaker) => speaker.goodbye(before)));
    },
    async close() {
      clearInterval(retry);
      wanted.clear();
      const last = announcement;
      announcement = undefined;
      await Promise.all(
        [...speakers.values()].map(async (speaker) => {
          await speaker.goodbye(last);
          await speaker.close();
        }),
      );
      speakers.clear();
    },
  };
}

const keyOf = ({ device, cidr }: Underlay) => `${device} ${cidr}`;

type Speaker = ReturnType<typeof createSpeaker>;

interface SpeakerOptions {
  underlay: Underlay;
  port: number | undefined;
  announcement: () => Announcement | undefined;
  hear: (packet: Packet, from: string) => void;
  onBroken: () => void;
  log: Log;
}

/** One socket on one device. */
function createSpeaker({ underlay, port, announcement, hear, onBroken, log }: SpeakerOptions) {
  const { device, address } = underlay;
  const closing = new AbortController();
  let answered = 0;
  let answering: NodeJS.Timeout | undefined;
  // If it were bound to the device's address, it would never hear a multicast packet.
  const socket: MulticastDNS = createSocket({
    interface: address,
    bind: '0.0.0.0',
    ...(port !== undefined && { port }),
  });
  socket.on('error', (error: Error) => {
    log.warn('multicast DNS does not work on this device', { device, error: messageOf(error) });
    onBroken();
  });
  // Emitted for whatever anyone sends to this port that is not DNS.
  socket.on('warning', (error: Error) => log.debug('multicast DNS', { device, error: messageOf(error) }));
  socket.on('response', (packet, { address: from }) => hear(packet, from));
  socket.on('query', (packet) => {
    if (announcement() && asksForMembers(packet)) answerSoon();
  });

  function sent(error: Error | null): void {
    if (error && !closing.signal.aborted) onBroken();
  }

  function announce(): void {
    const said = announcement();
    if (!said || closing.signal.aborted) return;
    answered = performance.now();
    socket.respond(answersOf(said, address), sent);
  }

  function answerSoon(): void {
    answering ??= setTimeout(
      () => {
        answering = undefined;
        announce();
      },
      Math.max(0, answered + ANSWER_PAUSE_MS - performance.now()),
    );
  }

  /** Members repeat their announcement; hosts that look for a cluster repeat their question. */
  async function speak(): Promise<void> {
    for (let round = 0; !closing.signal.aborted; round++) {
      await pause(ASK_AFTER[Math.min(round, ASK_AFTER.length - 1)] ?? 0, closing.signal);
      if (closing.signal.aborted) return;
      if (announcement()) answerSoon();
      else socket.query(SERVICE, 'PTR', sent);
    }
  }
  void speak();

  return {
    announce,
    async goodbye(said: Announcement | undefined): Promise<void> {
      if (!said) return;
      await Promise.race([
        new Promise((resolve) => socket.respond(answersOf(said, address, 0), resolve)),
        pause(GOODBYE_MS),
      ]);
    },
    async close(): Promise<void> {
      closing.abort();
      clearTimeout(answering);
      await new Promise<void>((resolve) => socket.destroy(() => resolve()));
    },
  };
}
