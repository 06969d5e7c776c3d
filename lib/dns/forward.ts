import { DNS_PORT } from '../base/ports.js';
import { askResolver } from './ask-resolver.js';
import { isAboutName } from './verdict.js';
import type { Transport } from './reply.js';

/** Milliseconds. */
export interface ForwardTimes {
  /** After which the next resolver is asked too, while the earlier ones may still answer. */
  patience: number;
  /** For all of them together: Docker's resolver, which asks for the container, gives up after four seconds. */
  whole: number;
}

const TIMES: ForwardTimes = { patience: 1_000, whole: 3_500 };

/**
 * Asks the resolvers in their order, until one answers about the name. When none does, the first refusal; undefined when none said
 * anything.
 */
export type Forward = (
  message: Buffer,
  resolvers: readonly string[],
  transport: Transport,
) => Promise<Buffer | undefined>;

/** @param port the resolvers' port; only tests use another one */
export function createForward({ port = DNS_PORT, times = TIMES } = {}): Forward {
  return async (message, resolvers, transport) => {
    const refusals: { place: number; answer: Buffer }[] = [];
    const ended = new AbortController();
    const signal = AbortSignal.any([ended.signal, AbortSignal.timeout(times.whole)]);

    /** @returns undefined where this resolver is no help */
    async function ask(resolver: string, place: number): Promise<Buffer | undefined> {
      const answer = await askResolver(message, { resolver, port, transport }, signal).catch(() => undefined);
      if (!answer || isAboutName(answer)) return answer;
      refusals.push({ place, answer });
      return undefined;
    }

    try {
      const found = await firstFound(
        [...new Set(resolvers)].map((one, n) => () => ask(one, n)),
        {
          patience: times.patience,
          signal,
        },
      );
      return found ?? refusals.sort((a, b) => a.place - b.place)[0]?.answer;
    } finally {
      ended.abort();
    }
  };
}

/**
 * Begins one attempt after another, the next when the last one has found nothing or has been patient for so long.
 *
 * @param signal no attempt is begun any more
 * @returns what the first to find something has found; undefined when all have ended without
 */
function firstFound<T>(
  attempts: readonly (() => Promise<T | undefined>)[],
  { patience, signal }: { patience: number; signal: AbortSignal },
): Promise<T | undefined> {
  return new Promise((resolve) => {
    let begun = 0;
    let running = 0;
    let timer: NodeJS.Timeout | undefined;

    function next(): void {
      clearTimeout(timer);
      const attempt = signal.aborted ? undefined : attempts[begun++];
      if (!attempt) {
        if (running === 0) resolve(undefined);
        return;
      }
      running++;
      timer = setTimeout(next, patience);
      const mine = timer;
      void attempt().then((found) => {
        running--;
        if (found !== undefined) {
          clearTimeout(timer);
          resolve(found);
        } else if (timer === mine || running === 0) next();
      });
    }
    next();
  });
}
