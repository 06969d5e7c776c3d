import { z } from 'zod';

/** A reference to a row: one that is there, or one that the same transaction inserts under a name. */
export type RowRef = readonly ['uuid' | 'named-uuid', string];

const uuid = z.tuple([z.literal('uuid'), z.string()]).transform((ref): RowRef => ref);
/** RFC 7047, section 5.1: a set of one element may be written as that element. */
const setOf = <Out>(element: z.ZodType<Out>) =>
  z.union([
    z.tuple([z.literal('set'), z.array(element)]).transform(([, all]) => all),
    element.transform((one) => [one]),
  ]);
const stringMap = z
  .tuple([z.literal('map'), z.array(z.tuple([z.string(), z.string()]))])
  .transform(([, pairs]) => new Map(pairs));

/** Rows of Open vSwitch's tables, as far as they are read here (ovs-vswitchd.conf.db(5)). */
export const rowsOf = {
  Bridge: z.array(z.object({ _uuid: uuid, name: z.string(), ports: setOf(uuid) })),
  Port: z.array(z.object({ _uuid: uuid, name: z.string(), interfaces: setOf(uuid) })),
  Interface: z.array(
    z.object({
      name: z.string(),
      type: z.string(),
      ofport: setOf(z.number()),
      error: setOf(z.string()),
      external_ids: stringMap,
    }),
  ),
  Open_vSwitch: z.array(z.object({ next_cfg: z.number() })),
};
export type TableName = keyof typeof rowsOf;
export type BridgeRow = z.output<typeof rowsOf.Bridge>[number];
export type PortRow = z.output<typeof rowsOf.Port>[number];
export type InterfaceRow = z.output<typeof rowsOf.Interface>[number];

/** Columns that are read, by table. */
export const columnsOf = {
  Bridge: ['_uuid', 'name', 'ports'],
  Port: ['_uuid', 'name', 'interfaces'],
  Interface: ['name', 'type', 'ofport', 'error', 'external_ids'],
  Open_vSwitch: ['next_cfg'],
} satisfies Record<TableName, string[]>;

/** A map as RFC 7047 writes it. */
export const asMap = (entries: Record<string, string>) => ['map', Object.entries(entries)] as const;
export const asSet = (elements: readonly unknown[]) => ['set', elements] as const;
