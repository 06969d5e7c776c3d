import { asError, messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { ClusterSettings, SettingsWish } from '../cluster/settings.js';
import type { Cell, Observable } from '../concurrency/observable.js';
import type { ReaperTimeouts } from '../cluster/hosts/reaper-plan.js';
import type { Underlay } from '../base/model.js';
import type { Operation, Store } from '../store/store.js';
import type { ClusterStore } from '../store/open-consul.js';
import { createClusterDuties } from './cluster-duties.js';
import type { Current } from './current.js';
import { createJoin } from './join.js';
import { createLeave } from './leave.js';
import { createOwnStore } from './own-store.js';
import type { Services } from './services.js';
import {
  refusal,
  type Command,
  type SwitchOutcome,
  type StorePlace,
  type SwitchState,
  type StateIn,
} from './switch-states.js';

export interface SwitchTransitionsOptions {
  hostId: string;
  /** Shown to people. */
  name: string;
  /** The services in use; nothing else sets them. */
  current: Current<Services>;
  createServices: (store: Store) => Services;
  /** Opens the store of a host that is alone. */
  openOwnStore: () => Promise<Store>;
  openCluster: () => ClusterStore;
  underlay: Observable<Underlay | undefined>;
  /** Those of the cluster; undefined for a host in none. Set here. */
  settings: Cell<ClusterSettings | undefined>;
  terms: ReaperTimeouts;
  /** Claims this host's identity in the cluster's store. @returns the condition under which it still has it */
  claim: (cluster: ClusterStore) => Promise<Operation>;
  /** Resolves when this host has become another one: from then on it says nothing as this one. */
  renewed: Promise<void>;
  /** Removes a host from Consul's members. */
  forceLeave: (hostId: string) => Promise<void>;
  /** Aborts when the agent is stopping: what has not begun is given up. */
  signal: AbortSignal;
  log: Log;
}

type Transition<P extends StorePlace> = (state: StateIn<P>, wish: SettingsWish) => Promise<SwitchOutcome>;
type Table = { [P in StorePlace]: Record<Command, Transition<P>> };

/** What each command does in each place. No transition rejects. */
export function createSwitchTransitions(
  options: SwitchTransitionsOptions,
): (state: SwitchState, command: Command, wish: SettingsWish) => Promise<SwitchOutcome> {
  const { hostId, name, current, underlay, terms, renewed, forceLeave, log } = options;
  const ownStore = createOwnStore(options);
  const dutiesOf = (cluster: ClusterStore, services: Services) =>
    createClusterDuties({
      ...{ hostId, name, cluster, services, terms, renewed, forceLeave, log },
      address: () => underlay.value?.address,
      claim: () => options.claim(cluster),
    });
  const join = createJoin({ ...options, ownStore, dutiesOf });
  const leave = createLeave({ ...options, ownStore });
  const stay = async (state: SwitchState): Promise<SwitchOutcome> => ({ state });
  const refuse = async (state: SwitchState): Promise<SwitchOutcome> => ({
    state,
    error: refusal(state.place),
  });

  async function close(state: SwitchState): Promise<SwitchOutcome> {
    try {
      if (state.place === 'member') await state.duties.stop();
      await current.clear(messageOf(refusal('closed')))?.stop();
      if (state.place === 'alone') await state.services.store.close();
      return { state: { place: 'closed' } };
    } catch (error) {
      return { state: { place: 'closed' }, error: asError(error) };
    }
  }

  const table: Table = {
    waiting: { goAlone: ownStore.use, joinCluster: join, leaveCluster: ownStore.use, close },
    alone: { goAlone: stay, joinCluster: join, leaveCluster: stay, close },
    member: { goAlone: refuse, joinCluster: stay, leaveCluster: leave, close },
    closed: { goAlone: refuse, joinCluster: refuse, leaveCluster: refuse, close: stay },
  };

  function dispatch<P extends StorePlace>(
    state: StateIn<P>,
    command: Command,
    wish: SettingsWish,
  ): Promise<SwitchOutcome> {
    const place: P = state.place;
    return table[place][command](state, wish);
  }
  return dispatch;
}
