/** A call on networks; `network` is how it names one: by id, the beginning of an id, or name. */
export type NetworkCall = { kind: 'create' | 'prune' } | { kind: 'remove' | 'connect'; network: string };

/**
 * Which call on networks this is; undefined when it is a different call.
 *
 * @param path decoded and without API version, as `parseTarget` returns it
 */
export function networkCall(method: string, path: string): NetworkCall | undefined {
  const call = `${method} ${path}`;
  if (call === 'POST /networks/create') return { kind: 'create' };
  if (call === 'POST /networks/prune') return { kind: 'prune' };
  const [, connected] = /^POST \/networks\/(.+)\/connect$/.exec(call) ?? [];
  if (connected !== undefined) return { kind: 'connect', network: connected };
  const [, removed] = /^DELETE \/networks\/(.+)$/.exec(call) ?? [];
  return removed === undefined ? undefined : { kind: 'remove', network: removed };
}
