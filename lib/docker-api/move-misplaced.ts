import type { Node } from 'jsonc-parser';
import { exchange, membersOf, type JsonMember } from '../json/members.js';
import { fold, isEmpty, type Misplaced } from '../json/shape.js';
import { splice } from '../json/splice.js';

/**
 * A create body in which the fields of HostConfig that dockerd takes from the top level are inside HostConfig, where
 * hooks look for them. All other bytes stay as they are.
 *
 * - Without a HostConfig, or with null, dockerd takes all of them from the top level.
 * - With one it takes those in `always`, each only where HostConfig says nothing, `0` or `""`. The others have no effect.
 * - The old name of a field counts where the field says nothing, and only if there is a HostConfig, in either place.
 *
 * What can be read in two ways still can afterwards, and `canonicalJson` refuses it.
 */
export function moveMisplaced(text: string, root: Node, misplaced: Misplaced): string {
  const members = membersOf(root);
  const places = members.filter(({ key }) => key === fold(misplaced.inside));
  if (places.length > 1) return text;
  const [place] = places;
  if (place?.value.type === 'object') return fill(text, root, { members, place, misplaced });
  return place && place.value.type !== 'null' ? text : make(text, root, { members, place, misplaced });
}

interface Parts {
  members: JsonMember[];
  /** What there is of HostConfig. */
  place: JsonMember | undefined;
  misplaced: Misplaced;
}

/** There is no HostConfig: makes one of the fields, including those that say `false` or `[]`, which means something. */
function make(text: string, root: Node, { members, place, misplaced }: Parts): string {
  const { inside, fields, oldName } = misplaced;
  const own = members.filter(({ key }) => fields.has(key));
  const isMade = own.some(({ value }) => value.type !== 'null');
  const old = said(members).get(oldName.key);
  const counts = old && own.length > 0 && !said(own).has(fold(oldName.field));
  const moved = own.filter(({ key }) => isMade && !(counts && key === fold(oldName.field)));
  const written = moved.map(({ key, value }) => write(text, fields.get(key), value));
  if (counts) written.push(write(text, oldName.field, old.value));
  const gone = new Set([
    ...(written.length > 0 ? own : []),
    ...(place && written.length > 0 ? [place] : []),
    ...(old ? members.filter(({ key }) => key === oldName.key) : []),
  ]);
  const added = written.length > 0 ? [`${JSON.stringify(inside)}:{${written.join(',')}}`] : [];
  return gone.size === 0 ? text : splice(text, exchange(root, members, gone, added));
}

/** Adds to HostConfig what dockerd would. */
function fill(
  text: string,
  root: Node,
  { members, place, misplaced }: Parts & { place: JsonMember },
): string {
  const { fields, always, oldName } = misplaced;
  const inside = membersOf(place.value);
  const [above, within] = [said(members), said(inside)];
  const added = new Map<string, string>();
  for (const key of [...always, oldName.key]) {
    const from = above.get(key);
    const name = key === oldName.key ? oldName.field : (fields.get(key) ?? '');
    if (from && !within.has(fold(name)) && !added.has(fold(name)))
      added.set(fold(name), write(text, name, from.value));
  }
  const gone = members.filter(({ key }) => above.has(key) && (always.has(key) || key === oldName.key));
  if (gone.length === 0) return text;
  // Nobody may read the `0` or `""` instead.
  const replaced = inside.filter(({ key }) => added.has(key));
  return splice(text, [
    ...exchange(root, members, new Set(gone), []),
    ...exchange(place.value, inside, new Set(replaced), [...added.values()]),
  ]);
}

/** The members that say something, by their names: of each, the last that is not null, as Go reads it. */
function said(members: JsonMember[]): Map<string, JsonMember> {
  const last = new Map<string, JsonMember>();
  for (const member of members) if (member.value.type !== 'null') last.set(member.key, member);
  return new Map([...last].filter(([, { value }]) => !isEmpty(value)));
}

function write(text: string, name: string | undefined, { offset, length }: Node): string {
  return `${JSON.stringify(name)}:${text.slice(offset, offset + length)}`;
}
