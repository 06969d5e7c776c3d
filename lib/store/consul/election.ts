import { pause } from '../../concurrency/pause.js';
import type { Election } from '../election.js';
import type { ConsulSessionsOptions } from './liveness.js';
import { retryForever } from '../../concurrency/retry-forever.js';
import { unlessAborted, withSession } from './session.js';

/** A leader that cannot renew its session stops leading after this time, and the next may begin after the same time again. */
const PATIENCE_S = 5;
/** Between two attempts while Consul's lock delay withholds the key from a new holder. */
const TRY_MS = 1_000;

/** The leader for a name holds the key `<prefix>lock/<name>` with its session. */
export function createConsulElection({ client, prefix, checks, log }: ConsulSessionsOptions): Election {
  return {
    lead(name, signal, task) {
      const key = `${prefix}lock/${name}`;

      /** Resolves when the session holds the key; rejects when aborted. */
      async function win(session: string, ended: AbortSignal): Promise<void> {
        for (let index = 0; ;) {
          const state = await client.changed(key, index, ended);
          index = state.index;
          if (
            state.entries.some(
              ({ Key, Session }) => Key === key && Session !== undefined && Session !== session,
            )
          )
            continue;
          const { done } = await client.transact([
            { Verb: 'lock', Key: key, Session: session, Value: session },
          ]);
          if (done) return;
          await pause(TRY_MS, ended);
          ended.throwIfAborted();
          index = 0;
        }
      }

      const release = (session: string) => client.transact([{ Verb: 'unlock', Key: key, Session: session }]);

      const options = {
        name,
        behavior: 'release',
        lockDelaySeconds: PATIENCE_S,
        patience: PATIENCE_S * 1_000,
      } as const;
      return withSession({ ...options, client, checks, log, signal }, async (session, ended) => {
        const campaign = () => win(session, ended);
        await retryForever(campaign, { what: `stand for ${name}`, log, signal: ended }).catch(
          unlessAborted(ended),
        );
        if (ended.aborted) return;
        log.info(`this host leads: ${name}`);
        try {
          await task(ended);
        } finally {
          // A released key is free at once; when its session merely ends, Consul's lock delay holds it for a while.
          if (signal.aborted || !ended.aborted) await release(session).catch(() => undefined);
        }
      });
    },
  };
}
