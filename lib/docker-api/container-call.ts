/** A call on containers; `container` is what it names one by: an id, the beginning of one, or a name. */
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
 * Which call on containers this is; undefined when it is another one.
 *
 * @param path decoded and without API version, as `parseTarget` gives it
 */
export function containerCall(method: string, path: string): ContainerCall | undefined {
  for (const [kind, call] of CALLS) {
    const match = call.exec(`${method} ${path}`);
    if (!match) continue;
    return kind === 'create' || kind === 'list' ? { kind } : { kind, container: match[1] ?? '' };
  }
  return undefined;
}
