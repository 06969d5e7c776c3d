/** The Docker call that a hook is about; `reference` is a container's id, short id or name. */
export type Route =
  { call: 'create' | 'list' } | { call: 'start' | 'restart' | 'remove' | 'inspect'; reference: string };

const ROUTES: [method: string, path: RegExp, call: Route['call']][] = [
  ['POST', /^\/containers\/create$/, 'create'],
  ['GET', /^\/containers\/json$/, 'list'],
  ['POST', /^\/containers\/(.+)\/start$/, 'start'],
  ['POST', /^\/containers\/(.+)\/restart$/, 'restart'],
  ['GET', /^\/containers\/(.+)\/json$/, 'inspect'],
  ['DELETE', /^\/containers\/(.+)$/, 'remove'],
];

/** Undefined: a call that this adapter has no business with. */
export function routeOf(method: string, request: string): Route | undefined {
  const [target = ''] = request.split('?', 1);
  let path: string;
  try {
    path = decodeURIComponent(target).replace(/^\/v[0-9.]+(?=\/)/, '');
  } catch {
    return undefined;
  }
  for (const [wanted, pattern, call] of ROUTES) {
    const match = method === wanted ? pattern.exec(path) : null;
    if (!match) continue;
    if (call === 'create' || call === 'list') return { call };
    return { call, reference: match[1] ?? '' };
  }
  return undefined;
}
