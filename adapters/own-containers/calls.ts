import { parametersOf, pathOf, type ClientRequest } from '../../lib/adapter/index.js';

/** A call that would take a container away; `container` is how it names it: by id, the beginning of an id, or name. */
export interface Attack {
  verb: 'stop' | 'kill' | 'pause' | 'restart' | 'rename' | 'remove';
  container: string;
}

const ATTACK = /^POST \/containers\/([^]+)\/(stop|kill|pause|restart|rename)$/;
const REMOVAL = /^DELETE \/containers\/([^]+)$/;
/** With it the proxy reads its settings again. */
const HANGUP = /^(SIG)?HUP$|^1$/i;

/** Undefined for a call that leaves its container as it is. */
export function attackOf(request: ClientRequest): Attack | undefined {
  const call = `${request.Method} ${pathOf(request)}`;
  const [, removed] = REMOVAL.exec(call) ?? [];
  if (removed !== undefined) return { verb: 'remove', container: removed };
  const [, container, verb] = ATTACK.exec(call) ?? [];
  if (container === undefined || verb === undefined) return undefined;
  if (verb === 'kill' && HANGUP.test(parametersOf(request).get('signal') ?? '')) return undefined;
  return { verb: verb as Attack['verb'], container };
}

export function isPrune(request: ClientRequest): boolean {
  return `${request.Method} ${pathOf(request)}` === 'POST /containers/prune';
}

/**
 * The call with a filter by which it spares containers that have this label; undefined where that cannot be said: Docker
 * spares only what has all labels that are excluded.
 */
export function sparing(request: ClientRequest, label: string): string | undefined {
  const parameters = parametersOf(request);
  const given = parse(parameters.get('filters') || '{}');
  if (!given || 'label!' in given) return undefined;
  const isList = Object.values(given).every(Array.isArray);
  parameters.set('filters', JSON.stringify({ ...given, 'label!': isList ? [label] : { [label]: true } }));
  return `${request.Request.split('?', 1)[0]}?${parameters.toString()}`;
}

function parse(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
