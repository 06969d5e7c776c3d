import type { ProxyConfig } from './config.js';
import { DOCKER_CALLS } from '../../docker-api/calls.js';
import { createMatch, type HookedEndpoint } from './match.js';
import { isStream } from '../../docker-api/call-kinds.js';

/** The hooks that one of Docker's calls gets, in the order in which they run. */
export interface CallHooks {
  call: string;
  pre: string[];
  post: string[];
}

/** The calls of Docker's API that have hooks. */
export function hookedCalls(endpoints: HookedEndpoint[]): CallHooks[] {
  const match = createMatch(endpoints);
  return DOCKER_CALLS.flatMap((call) => {
    const hooks = match(...line(call));
    if (!hooks) return [];
    return [{ call, pre: hooks.pre, post: streams(call) ? [] : hooks.post }];
  });
}

/** What a reader of a configuration should know: which of Docker's calls get which hooks, and what will not work. */
export function describeConfig(config: ProxyConfig): { calls: CallHooks[]; warnings: string[] } {
  const calls = hookedCalls(config.endpoints);
  const warnings: string[] = [];
  for (const endpoint of config.endpoints) {
    const { pattern, post } = endpoint;
    const matches = createMatch([endpoint]);
    const matched = DOCKER_CALLS.filter((call) => matches(...line(call)));
    if (matched.length === 0) warnings.push(`${pattern}: matches no known call of Docker`);
    const streaming = matched.filter(streams);
    if (post.length > 0 && streaming.length > 0) {
      warnings.push(
        `${pattern}: post-hooks do not run on streams such as ${streaming.slice(0, 3).join(', ')}`,
      );
    }
  }
  const used = new Set(config.endpoints.flatMap(({ pre, post }) => [...pre, ...post]));
  for (const name of config.adapters.keys()) {
    if (!used.has(name)) warnings.push(`adapter ${name}: no endpoint uses it`);
  }
  if (config.buildkit === 'allow') {
    warnings.push('buildkit: allow: hooks do not see what BuildKit does over /session and /grpc');
  }
  return { calls, warnings };
}

/** With some name in place of `{…}`. */
function line(call: string): [method: string, target: { url: string; path: string }] {
  const [method = '', path = ''] = call.replace(/\{\w+\}/, 'x').split(' ');
  return [method, { url: path, path }];
}

function streams(call: string): boolean {
  const [method, { path }] = line(call);
  return isStream(method, path);
}
