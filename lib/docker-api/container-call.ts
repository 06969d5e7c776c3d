/** A call on containers that SocketPlane has to do with; `container` is how it names one: by id, the beginning of an id, or name. */
export type ContainerCall = { kind: 'create' } | { kind: 'start'; container: string };

/**
 * Which call on containers this is; undefined when it is a different call.
 *
 * @param path decoded and without API version, as `parseTarget` returns it
 */
export function containerCall(method: string, path: string): ContainerCall | undefined {
  const call = `${method} ${path}`;
  if (call === 'POST /containers/create') return { kind: 'create' };
  const [, started] = /^POST \/containers\/(.+)\/start$/.exec(call) ?? [];
  return started === undefined ? undefined : { kind: 'start', container: started };
}
