import { asError, messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { ClusterStore } from '../store/open-consul.js';
import type { Cell } from '../concurrency/observable.js';
import { agreeOnSettings, type ClusterSettings, type SettingsWish } from '../cluster/settings.js';
import type { Store } from '../store/store.js';
import type { ClusterDuties } from './cluster-duties.js';
import type { Current } from './current.js';
import type { OwnStore } from './own-store.js';
import type { Services } from './services.js';
import {
  undoJoin,
  type JoinStep,
  type SwitchOutcome,
  type SwitchState,
  type StateIn,
  type Undo,
} from './switch-states.js';
import { transfer } from './transfer.js';

export interface JoinOptions {
  hostId: string;
  current: Current<Services>;
  createServices: (store: Store) => Services;
  openCluster: () => ClusterStore;
  dutiesOf: (cluster: ClusterStore, services: Services) => ClusterDuties;
  ownStore: OwnStore;
  /** Set before anything is done that depends on it. */
  settings: Cell<ClusterSettings | undefined>;
  /** Aborts when the agent is stopping: no further step is begun. */
  signal: AbortSignal;
  log: Log;
}

/** What a join has set up, and what has to be undone when it fails. */
interface Attempt {
  from: StateIn<'waiting' | 'alone'>;
  wish: SettingsWish;
  step: JoinStep;
  cluster: ClusterStore;
  services: Services;
  duties: ClusterDuties;
}

/**
 * Moves from the host's own store to the cluster's, with all that the host has; when that fails, the host is as it was
 * before.
 */
export function createJoin(
  options: JoinOptions,
): (from: Attempt['from'], wish: SettingsWish) => Promise<SwitchOutcome> {
  const { hostId, current, createServices, openCluster, dutiesOf, ownStore, settings, signal, log } = options;

  async function run(attempt: Attempt): Promise<SwitchState> {
    const { from, wish, cluster, services, duties } = attempt;
    const begin = (step: JoinStep) => {
      signal.throwIfAborted();
      attempt.step = step;
    };
    begin('ask');
    const { peers, condition } = await duties.ask();
    // Not before the store is known to be readable, and this host to be itself.
    const agreed = await agreeOnSettings(cluster.store, wish, log);
    // One that comes back may have got a route meanwhile: its containers need the cluster all the same.
    if (from.place === 'alone' || from.wasAlone) await services.assertFit();

    begin('stop');
    const before = current.clear('this host is joining the cluster: try again in a moment');
    try {
      await before?.stop();
    } finally {
      await before?.store.close();
    }

    // The host's own store keeps everything too, until the last step forgets it.
    begin('copy');
    await services.ipam.load();
    await transfer(await ownStore.read(), services, { unused: true, log });
    if (from.place === 'waiting' && from.unsaved)
      await transfer(from.unsaved, services, { unused: false, log });

    begin('start');
    settings.set(agreed);
    const isRight = await services.start(peers);
    current.set(services);

    begin('register');
    if (isRight) await duties.register(condition);

    begin('forget');
    await ownStore.empty();
    duties.start();
    return { place: 'member', services, duties };
  }

  async function undo(
    { from, step, cluster, services, duties }: Attempt,
    why: unknown,
  ): Promise<SwitchState> {
    const waiting: StateIn<'waiting'> =
      from.place === 'waiting' ? from : { place: 'waiting', wasAlone: true };
    let state: SwitchState = step === 'ask' ? from : waiting;
    const actions: Record<Undo, () => Promise<unknown>> = {
      async 'stop services'() {
        current.clear(`this host could not join its cluster: ${messageOf(why)}`);
        await services.stop();
      },
      unregister: duties.unregister,
      'give back': () => services.releaseHost(hostId),
      'close cluster': () => cluster.store.close(),
      async 'open own store'() {
        settings.set(undefined);
        // Not when the agent is stopping.
        if (signal.aborted) return;
        const outcome = await ownStore.use(waiting);
        state = outcome.state;
        if (outcome.error) throw outcome.error;
      },
    };
    for (const action of undoJoin(step, waiting.wasAlone)) {
      await actions[action]().catch((error: unknown) =>
        log.error('a join that failed is not taken back entirely', { action, error: messageOf(error) }),
      );
    }
    return state;
  }

  return async (from, wish) => {
    const cluster = openCluster();
    const services = createServices(cluster.store);
    const duties = dutiesOf(cluster, services);
    const attempt: Attempt = { from, wish, step: 'ask', cluster, services, duties };
    try {
      return { state: await run(attempt) };
    } catch (error) {
      return { state: await undo(attempt, error), error: asError(error) };
    }
  };
}
