import { shortId } from '../base/short-id.js';
import { COMPOSE_SERVICE } from './labels.js';

/** RFC 1035, 2.3.4: a longer name cannot be looked up. */
const LONGEST_NAME = 253;
const LONGEST_LABEL = 63;
/** A block of leases with the names of its containers has to fit in one write to the store. */
const MOST_NAMES = 32;

/** What a container is called; parts that are not known yet are left out. */
export interface NamedContainer {
  id?: string;
  name?: string;
  hostname?: string;
  labels?: Record<string, string>;
  /** On the network in question. */
  aliases?: readonly string[];
}

/** The names by which others on a network find a container: its own first, without duplicates. */
export function namesOf({ id, name, hostname, labels, aliases = [] }: NamedContainer): string[] {
  const all = [name, labels?.[COMPOSE_SERVICE], hostname, id && shortId(id), ...aliases];
  return [...new Set(all.filter(isName))].slice(0, MOST_NAMES);
}

function isName(text: string | undefined): text is string {
  return (
    text !== undefined &&
    Buffer.byteLength(text) <= LONGEST_NAME &&
    text.split('.').every((label) => label !== '' && Buffer.byteLength(label) <= LONGEST_LABEL)
  );
}
