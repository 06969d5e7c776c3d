/** A call on containers; `container` is how it names one: by id, the beginning of an id, or name. */
export type ContainerCall =
  { kind: 'create' | 'list' } | { kind: 'start' | 'restart' | 'remove' | 'inspect'; container: string };

const CALLS: [kind: ContainerCall['kind'], call: RegExp][] = [
  ['create', /^POST \/containers\/create$/],
  ['list', /^GET \/containers\/json$/],
  ['start', /^POST \/containers\/(.+)\/start$/],
  ['restart', /^POST \/containers\/(.+)\/restart$/],
  ['inspect', /^GET \/containers\/(.+)\/json$/],
  ['remove', /^DELETE \/containers\/(.+)$/],
];

/**
 * Which call on containers this is; undefined when it is a different call.
 *
 * @param path decoded and without API version, as `parseTarget` returns it
 */
export function containerCall(method: string, path: string): ContainerCall | undefined {
  for (const [kind, call] of CALLS) {
    const match = call.exec(`${method} ${path}`);
    if (!match) continue;
    return kind === 'create' || kind === 'list' ? { kind } : { kind, container: match[1] ?? '' };
  }
  return undefined;
}
