import type { Node } from 'jsonc-parser';

/** What dockerd decodes a JSON value into: a struct with fields, a map with any keys, a list, or anything simple. */
export type Shape =
  | { kind: 'struct'; fields: Map<string, Field>; misplaced?: Misplaced }
  | { kind: 'map'; values: Shape }
  | { kind: 'list'; items: Shape }
  | { kind: 'leaf' };

/** Fields that belong in another object but are accepted here too. Keys are folded. */
export interface Misplaced {
  /** The field whose object they belong in. */
  inside: string;
  /** Their names there. */
  fields: Map<string, string>;
  /** Those that are accepted here even when that object is present. */
  always: Set<string>;
  /** What one of them was once called; accepted here only. */
  oldName: { key: string; field: string };
}

export interface Field {
  /** As Docker's documentation spells it. */
  name: string;
  shape: Shape;
}

/** Whether a value is what Go has where nothing was said. */
export function isEmpty({ type, value, children }: Node): boolean {
  if (type === 'object' || type === 'array') return !children?.length;
  return value === null || value === false || value === 0 || value === '';
}

export const leaf: Shape = { kind: 'leaf' };

/** @param simple names of fields that hold no struct, separated by white space */
export function struct(simple: string, others: Record<string, Shape> = {}): Shape & { kind: 'struct' } {
  const fields = new Map<string, Field>();
  for (const name of simple.split(/\s+/).filter(Boolean)) fields.set(fold(name), { name, shape: leaf });
  for (const [name, shape] of Object.entries(others)) fields.set(fold(name), { name, shape });
  return { kind: 'struct', fields };
}

export function merge(...structs: (Shape & { kind: 'struct' })[]): Shape & { kind: 'struct' } {
  return { kind: 'struct', fields: new Map(structs.flatMap(({ fields }) => [...fields])) };
}

export function map(values: Shape = leaf): Shape {
  return { kind: 'map', values };
}

export function list(items: Shape): Shape {
  return { kind: 'list', items };
}

/** Keys that are equal after this are one field to Go, which also takes ſ (U+017F) for s and the Kelvin sign for k. */
export function fold(key: string): string {
  return key.toUpperCase().toLowerCase();
}
