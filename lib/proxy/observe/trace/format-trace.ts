import { callerText } from '../caller-text.js';
import type { TracedChange } from './changes.js';
import type { Trace, TracedStep } from './trace.js';

/** A trace for people: the call, then each hook with what it changed. */
export function formatTrace(trace: Trace): string {
  const { time, id, method, url, caller, hooks, docker, status, ms } = trace;
  const before = hooks.filter(({ hook }) => hook === 'pre-hook');
  const after = hooks.filter(({ hook }) => hook !== 'pre-hook');
  const asked = docker ? [`  docker  ${docker.status}  ${docker.ms} ms`] : [];
  const got = status === null ? 'the client left' : `${status}`;
  return [
    `${time}  ${id}  ${method} ${url}${caller ? `  ${callerText(caller)}` : ''}`,
    ...before.flatMap(stepLines),
    ...asked,
    ...after.flatMap(stepLines),
    `  = ${got}  ${ms} ms`,
  ]
    .map(printable)
    .join('\n');
}

/** A line contains text that clients wrote, which must not control the watcher's terminal. */
function printable(line: string): string {
  return line.replace(/\p{Cc}/gu, (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

function stepLines({ adapter, hook, result, ms, message, changes }: TracedStep): string[] {
  const outcome =
    result === 'ok' ? (changes.length === 0 && hook !== 'unwind' ? '  no change' : '') : `  ${result}`;
  const why = message === undefined ? '' : `: ${message}`;
  return [`  ${hook}  ${adapter}  ${ms} ms${outcome}${why}`, ...changes.map(changeLine)];
}

function changeLine({ path, ...change }: TracedChange): string {
  const place = path || '(all)';
  if (!('from' in change)) return `    + ${place}: ${JSON.stringify(change.to)}`;
  if (!('to' in change)) return `    - ${place}: ${JSON.stringify(change.from)}`;
  return `    ~ ${place}: ${JSON.stringify(change.from)} -> ${JSON.stringify(change.to)}`;
}
