import type { Log } from '../../base/log.js';
import type { Liveness } from '../liveness.js';
import { dataPrefixOf } from './data.js';
import type { ConsulClient } from './client.js';
import { latestOf } from '../../concurrency/latest-of.js';
import { retryForever } from '../../concurrency/retry-forever.js';
import { unlessAborted, withSession } from './session.js';
import { translate } from './transaction.js';

/** Consul's own check of each node: whether gossip hears of it. */
export const GOSSIP = 'serfHealth';

export interface ConsulSessionsOptions {
  client: ConsulClient;
  /** Prefix of all SocketPlane keys in Consul, such as `socketplane/`. */
  prefix: string;
  /** Checks of the Consul agent that end the sessions made through it: `serfHealth` where each host runs its own agent. */
  checks: string[];
  log: Log;
}

/** Some hosts as soon as they have changed since `index`. */
type Look = (index: number, signal: AbortSignal) => Promise<{ index: number; hosts: string[] }>;

/**
 * A key for each host whose agent is alive, which Consul removes when the host's session ends: `<prefix>alive/<host>`. Where each host
 * runs a Consul of its own, which outlives the agent and has the host's name, the gossip among these tells of the host itself.
 */
export function createConsulLiveness({ client, prefix, checks, log }: ConsulSessionsOptions): Liveness {
  const alive = `${prefix}alive/`;
  const isOurs = checks.includes(GOSSIP);

  const agents: Look = async (since, signal) => {
    const { index, entries } = await client.changed(alive, since, signal);
    return { index, hosts: entries.map(({ Key }) => Key.slice(alive.length)) };
  };
  const members: Look = async (since, signal) => {
    const { index, nodes } = await client.passing(GOSSIP, since, signal);
    return { index, hosts: nodes };
  };

  async function* follow(look: Look, signal: AbortSignal): AsyncGenerator<string[]> {
    let index = 0;
    let before: string | undefined;
    while (!signal.aborted) {
      const state = await retryForever(() => look(index, signal), {
        what: 'see which hosts are alive',
        ...{ log, signal },
      }).catch(unlessAborted(signal));
      if (!state) return;
      // A Consul that was restored from a back-up counts from a lower index again.
      index = state.index < index ? 0 : state.index;
      const now = JSON.stringify(state.hosts);
      if (now !== before) yield state.hosts;
      before = now;
    }
  }

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
      const sources = isOurs ? [agents, members] : [agents];
      for await (const sets of latestOf(sources.map((look) => follow(look, signal))))
        yield new Set(sets.flatMap((set) => [...set]));
    },

    async now() {
      const { signal } = new AbortController();
      const [{ hosts }, heard] = await Promise.all([
        agents(0, signal),
        isOurs ? members(0, signal) : undefined,
      ]);
      return { agents: new Set(hosts), hosts: heard && new Set(heard.hosts) };
    },
  };
}
