import type { Answer, Packet } from 'dns-packet';
import { z } from 'zod';

export const SERVICE = '_socketplane._tcp.local';
/** How long, in seconds, an announcement is believed. */
export const TTL_S = 120;
/** More than any real answer has; the rest of a packet is ignored. */
const MAX_RECORDS = 64;

/** What a member says about itself. */
export interface Announcement {
  hostId: string;
  cluster: string;
  fingerprint: string;
  /** The port of admission; 0 where the key must be known beforehand. */
  port: number;
}

const entries = z.object({
  host: z.uuid(),
  cluster: z.string().min(1).max(63),
  key: z.string().regex(/^[0-9a-f]{16}$/),
  port: z.coerce.number().int().min(0).max(65_535),
});
const textRecord = z.object({
  type: z.literal('TXT'),
  name: z.string().endsWith(`.${SERVICE}`),
  ttl: z.number(),
  data: z.union([z.array(z.instanceof(Uint8Array)), z.instanceof(Uint8Array)]),
});

/** DNS-SD (RFC 6763): an instance named after its host's id, which no other host can have. */
export function answersOf(announcement: Announcement, address: string, ttl = TTL_S): Answer[] {
  const { hostId, cluster, fingerprint, port } = announcement;
  const instance = `${hostId}.${SERVICE}`;
  const target = `${hostId}.local`;
  const text = [`host=${hostId}`, `cluster=${cluster}`, `key=${fingerprint}`, `port=${port}`];
  return [
    { type: 'PTR', name: SERVICE, ttl, data: instance },
    { type: 'SRV', name: instance, ttl, data: { target, port, priority: 0, weight: 0 } },
    { type: 'TXT', name: instance, ttl, data: text },
    { type: 'A', name: target, ttl, data: address },
  ];
}

/** The members that a packet announces; anything else in it, and anything malformed, is ignored. */
export function announcementsIn(packet: Packet): (Announcement & { gone: boolean })[] {
  const records = [...(packet.answers ?? []), ...(packet.additionals ?? [])].slice(0, MAX_RECORDS);
  return records.flatMap((record) => {
    const parsed = textRecord.safeParse(record);
    if (!parsed.success) return [];
    const texts = [parsed.data.data].flat().map((bytes) => Buffer.from(bytes).toString('utf8'));
    const said = entries.safeParse(
      Object.fromEntries(texts.map((text) => [text.split('=', 1)[0], text.slice(text.indexOf('=') + 1)])),
    );
    if (!said.success) return [];
    const { host, cluster, key, port } = said.data;
    return [{ hostId: host, cluster, fingerprint: key, port, gone: parsed.data.ttl === 0 }];
  });
}

export function asksForMembers(packet: Packet): boolean {
  return (packet.questions ?? [])
    .slice(0, MAX_RECORDS)
    .some(({ name, type }) => String(name).toLowerCase() === SERVICE && ['PTR', 'ANY'].includes(type));
}
