import type { Log } from '../../base/log.js';
import type { Liveness } from '../liveness.js';
import { dataPrefixOf } from './data.js';
import type { ConsulClient } from './client.js';
import { retryForever } from '../../concurrency/retry-forever.js';
import { unlessAborted, withSession } from './session.js';
import { translate } from './transaction.js';

export interface ConsulSessionsOptions {
  client: ConsulClient;
  /** Prefix of all SocketPlane keys in Consul, such as `socketplane/`. */
  prefix: string;
  /** Checks of the Consul agent that end the sessions made through it: `serfHealth` where each host runs its own agent. */
  checks: string[];
  log: Log;
}

/** A key for each host that is alive, which Consul removes when the host's session ends: `<prefix>alive/<host>`. */
export function createConsulLiveness({ client, prefix, checks, log }: ConsulSessionsOptions): Liveness {
  const alive = `${prefix}alive/`;
  return {
    announce(host, signal, condition) {
      const options = { name: `${host} is alive`, behavior: 'delete', lockDelaySeconds: 0 } as const;
      return withSession({ ...options, client, checks, log, signal }, async (session, ended) => {
        // In one step from the previous session, which may live on for a while, so that no host sees this one missing in
        // between.
        const take = async () => {
          const must = await condition?.();
          const outcome = await client.transact([
            ...(must ? translate({ ...must, key: dataPrefixOf(prefix) + must.key }) : []),
            { Verb: 'delete', Key: alive + host },
            { Verb: 'lock', Key: alive + host, Session: session, Value: '' },
          ]);
          if (!outcome.done) throw new Error(outcome.failed.map(({ why }) => why).join(', '));
        };
        await retryForever(take, { what: 'say that this host is alive', log, signal: ended }).catch(
          unlessAborted(ended),
        );
        if (!ended.aborted)
          await new Promise((resolve) => ended.addEventListener('abort', resolve, { once: true }));
      });
    },

    async *watch(signal) {
      let index = 0;
      let before: string | undefined;
      while (!signal.aborted) {
        const look = () => client.changed(alive, index, signal);
        const state = await retryForever(look, { what: 'see which hosts are alive', log, signal }).catch(
          unlessAborted(signal),
        );
        if (!state) return;
        // A Consul that was restored from a back-up counts from a lower index again.
        index = state.index < index ? 0 : state.index;
        const hosts = state.entries.map(({ Key }) => Key.slice(alive.length));
        const now = JSON.stringify(hosts);
        if (now !== before) yield new Set(hosts);
        before = now;
      }
    },
  };
}
