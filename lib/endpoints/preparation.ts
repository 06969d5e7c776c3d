import type { Datapath } from '../datapath/datapath.js';
import type { OpenNetns } from '../datapath/kernel/netns.js';
import type { CreatedProcess, Runc } from '../docker/runc.js';
import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { Endpoint } from '../base/model.js';
import { shortId } from '../base/short-id.js';

/** The outcome of a preparation. */
export type Prepared =
  | {
      /** The host's end, and how many milliseconds it took. */
      port: string;
      ms: number;
      /**
       * The container's process, when its namespace was caught before its program ran: the namespace already has its end of
       * the pair. 0: that failed halfway, and the pair may be in an unwanted namespace.
       */
      plugged?: number;
    }
  | { error: unknown };

/**
 * The attachment of a container that Docker is starting: the host half at once, and the container's half as soon as its
 * namespace exists and before its program runs, so that the program finds its network.
 */
export interface Preparation {
  /** Stops waiting for the namespace; work in progress is finished. Never rejects. */
  end(): Promise<Prepared>;
}

export interface PreparationOptions {
  datapath: Pick<Datapath, 'prepare' | 'plug'>;
  openNetns: OpenNetns;
  runc: Pick<Runc, 'created'>;
  log: Log;
}

export function createPreparations({ datapath, openNetns, runc, log }: PreparationOptions) {
  async function plugBefore(endpoint: Endpoint, { pid, hold }: CreatedProcess): Promise<number> {
    const release = hold();
    try {
      const netns = await openNetns(pid, endpoint.container);
      await datapath.plug(endpoint, netns.path).finally(netns.close);
      return pid;
    } catch (error) {
      log.debug('not connected before it ran', {
        container: shortId(endpoint.container),
        error: messageOf(error),
      });
      return 0;
    } finally {
      release();
    }
  }

  return (endpoint: Endpoint): Preparation => {
    const began = Date.now();
    const waiting = new AbortController();
    async function prepare(): Promise<Prepared> {
      const port = await datapath.prepare(endpoint);
      const ms = Date.now() - began;
      const created = await runc.created(endpoint.container, began, waiting.signal);
      return { port, ms, ...(created && { plugged: await plugBefore(endpoint, created) }) };
    }
    const outcome = prepare().catch((error: unknown) => ({ error }));
    return {
      end() {
        waiting.abort();
        return outcome;
      },
    };
  };
}
