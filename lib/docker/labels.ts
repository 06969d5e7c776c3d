import type { Container } from './docker.js';
import { shortId } from '../base/short-id.js';

/**
 * The label that the create hook writes on a container and everything else reads. Docker keeps labels for the container's
 * whole life, whatever is restarted, so they are the only record of what a container is meant to have.
 */
export const NETWORK_LABEL = 'socketplane.network';
/** The address that the user asked for; absent otherwise. */
export const ADDRESS_LABEL = 'socketplane.ip';

/** Additional names on the network, separated by commas; absent when there are none. */
export const ALIASES_LABEL = 'socketplane.aliases';
/** The name servers that the user asked for, separated by commas; absent when there are none. */
export const DNS_LABEL = 'socketplane.dns';
const COMPOSE_SERVICE = 'com.docker.compose.service';

/** RFC 1035, 2.3.4: a longer name cannot be looked up. */
const LONGEST_NAME = 253;
const LONGEST_LABEL = 63;
/** A block of leases with the names of its containers has to fit in one write to the store. */
const MOST_NAMES = 32;

/** The names by which others on its network find a container: its own first, without duplicates. */
export function namesOf({ id, name, hostname, labels }: NamedContainer): string[] {
  const aliases = labels[ALIASES_LABEL]?.split(',') ?? [];
  const all = [name, labels[COMPOSE_SERVICE], hostname, shortId(id), ...aliases];
  return [...new Set(all.filter(isName))].slice(0, MOST_NAMES);
}

function isName(text: string | undefined): text is string {
  return (
    text !== undefined &&
    Buffer.byteLength(text) <= LONGEST_NAME &&
    text.split('.').every((label) => label !== '' && Buffer.byteLength(label) <= LONGEST_LABEL)
  );
}

type NamedContainer = Pick<Container, 'id' | 'name' | 'hostname' | 'labels'>;

/**
 * The network that a container is to be attached to, undefined when SocketPlane does not manage it: the create hook sets both
 * the label and Docker's `none` network.
 */
export function networkOf({ networkMode, labels }: { networkMode: string; labels: Record<string, string> }) {
  return networkMode === 'none' ? labels[NETWORK_LABEL] : undefined;
}
