import { compileGlob } from './glob.js';
import type { Target } from '../../docker-api/target.js';

/** One entry of `endpoints`: the names of the adapters that see matching calls. */
export interface HookedEndpoint {
  pattern: string;
  pre: string[];
  post: string[];
}

/** The hooks of a call: those of all matching endpoints in file order. `endpoint` names the patterns. */
export interface Hooks {
  endpoint: string;
  pre: string[];
  post: string[];
}

export type Match = (method: string, target: Target) => Hooks | undefined;

/** @param endpoints in file order, with well-formed patterns */
export function createMatch(endpoints: HookedEndpoint[]): Match {
  const compiled = endpoints.map((endpoint) => ({ ...endpoint, matches: compile(endpoint.pattern) }));
  return (method, target) => {
    const found = compiled.filter(({ matches }) => matches(method, target));
    if (found.length === 0) return undefined;
    return {
      endpoint: found.map(({ pattern }) => pattern).join(', '),
      pre: found.flatMap(({ pre }) => pre),
      post: found.flatMap(({ post }) => post),
    };
  };
}

/**
 * No spelling of the API version may slip past a hook, neither in the call nor in the pattern. So a pattern is tried on
 * the call with and without a version, both as written and with any version in place of its own.
 */
function compile(pattern: string): (method: string, target: Target) => boolean {
  const asWritten = compileGlob(pattern);
  const anyVersion = compileGlob(pattern.replace(/ \/v(?:[0-9.*?]|\[[0-9.!^-]+\])+/, ' /v*'));
  return (method, { path, version = '1.24' }) => {
    const versioned = `${method} /v${version}${path}`;
    return asWritten(`${method} ${path}`) || asWritten(versioned) || anyVersion(versioned);
  };
}
