import type { ProxyConfig } from './config.js';
import { compileGlob } from './glob.js';

/** One of each of the calls on which post-hooks are not run. */
export const STREAM_CALLS = [
  'GET /events',
  'GET /containers/ID/logs',
  'GET /containers/ID/stats',
  'GET /containers/ID/attach/ws',
  'POST /containers/ID/attach',
  'POST /containers/ID/wait',
  'POST /exec/ID/start',
  'POST /build',
  'POST /images/create',
  'POST /images/load',
  'POST /images/NAME/push',
  'POST /session',
  'POST /grpc',
];

/** What people should know who read a configuration: which hooks each pattern gets, and what will not work. */
export function describeConfig(config: ProxyConfig): { hooks: string[]; warnings: string[] } {
  const width = Math.max(0, ...config.endpoints.map(({ pattern }) => pattern.length));
  const hooks = config.endpoints.map(({ pattern, pre, post }) => {
    const sides = [pre.length > 0 && `pre: ${pre.join(', ')}`, post.length > 0 && `post: ${post.join(', ')}`];
    return `${pattern.padEnd(width)}  ${sides.filter(Boolean).join('  ')}`;
  });
  const warnings = config.endpoints
    .filter(({ post }) => post.length > 0)
    .flatMap(({ pattern }) => {
      const matches = compileGlob(pattern);
      const streams = STREAM_CALLS.filter((call) => matches(call) || matches(call.replace(' ', ' /v1.24')));
      return streams.length === 0
        ? []
        : [`${pattern}: post-hooks are not run on streams, for one ${streams.slice(0, 3).join(', ')}`];
    });
  if (config.buildkit === 'allow') {
    warnings.push('buildkit: allow: what BuildKit does over /session and /grpc no hook sees');
  }
  return { hooks, warnings };
}
