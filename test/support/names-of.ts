import { createNameTable, type Names } from '../../lib/dns/names.js';
import { namesOfLeases } from '../../lib/dns/tell-names.js';
import type { LeaseIndex } from '../../lib/ipam/lease-index.js';

/** The names of the running containers, as the name servers come to know them. */
export function namesOf(index: Pick<LeaseIndex, 'all' | 'subscribe'>): Names {
  const table = createNameTable();
  function learn(change: Parameters<typeof namesOfLeases>[0]): void {
    const { put, drop } = namesOfLeases(change);
    for (const [network, ip] of drop) table.drop(network, ip);
    for (const [network, ip, names] of put) table.put(network, ip, names);
  }
  learn({ put: [...index.all()], drop: [] });
  index.subscribe(learn);
  return table;
}
