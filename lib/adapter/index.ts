/**
 * The API for adapter authors: `import { … } from 'socketplane/adapter'`. The documents are those of hook protocol 2,
 * the same over HTTP as in process.
 */
import { parseTarget } from '../docker-api/target.js';
import type { AdapterModule } from '../hook/module.js';
import type { ClientRequest } from '../hook/v2.js';

export { isSecretName, MASK, mask } from '../hook/mask.js';
export { isRefused, Refused } from '../hook/module.js';
export type { Adapter, AdapterModule, HookContext, InProcess, Setup } from '../hook/module.js';
export type * from '../hook/v2.js';
export { requestListener, type ListenerOptions } from './listener.js';

/** Gives an adapter its types: `export default defineAdapter({ pre(hook) { … } })`. */
export function defineAdapter<T extends AdapterModule>(adapter: T): T {
  return adapter;
}

/** The path of a call as proxy.yml's patterns see it: decoded, without API version or query. */
export function pathOf({ Request }: Pick<ClientRequest, 'Request'>): string {
  return parseTarget(Request).path;
}

/** The query parameters of a call as Docker reads them: `#` begins no fragment, and a second `?` is part of a name. */
export function parametersOf({ Request }: Pick<ClientRequest, 'Request'>): URLSearchParams {
  const [, query = ''] = /\?([^]*)$/.exec(Request) ?? [];
  // URLSearchParams drops one leading `?`; the query may begin with one of its own.
  return new URLSearchParams(`?${query}`);
}
