import type { SettingsWish } from '../cluster/settings.js';
import { createKeyedLock } from '../concurrency/keyed-lock.js';
import type { Liveness } from '../store/liveness.js';
import type { Store } from '../store/store.js';
import type { AbsenceReason } from './current.js';
import { createSwitchTransitions, type SwitchTransitionsOptions } from './switch-transitions.js';
import { refusal, type Command, type StorePlace, type SwitchState } from './switch-states.js';

export type StoreSwitchOptions = Omit<SwitchTransitionsOptions, 'signal'>;

/**
 * Decides which store is in use: the host's own, or its cluster's. Networks and leases move along, so that containers keep
 * their addresses. Commands run one at a time, and may be repeated.
 */
export interface StoreSwitch {
  readonly place: StorePlace;
  /** Which hosts of the cluster are alive; undefined unless this host is a member. */
  readonly liveness: Liveness | undefined;
  /** For a host that waits for its cluster: there are no services yet, and callers are told why. */
  wait(reason: AbsenceReason): void;
  /** Run alone, on the host's own store. @throws AppError `conflict` when the host is a member of a cluster */
  goAlone(): Promise<void>;
  /**
   * Become a member of the cluster, whose store must be reachable. When that fails, the host is as it was before.
   *
   * @throws AppError `conflict` when what this host has, or insists on, does not fit the cluster
   */
  joinCluster(wish?: SettingsWish): Promise<Store>;
  /**
   * Run alone again: keep what this host's containers use, then give back what the host has in the cluster. Throws when any
   * of that fails; the host then runs alone all the same, unless its own store cannot be used.
   */
  leaveCluster(): Promise<void>;
  /**
   * The agent stops. Containers, and this host's place in its cluster, stay as they are: a member's store is not closed, so
   * that its session lasts as long as after a crash, and nobody notices an agent that is soon restarted.
   */
  close(): Promise<void>;
}

export function createStoreSwitch(options: StoreSwitchOptions): StoreSwitch {
  const { current, underlay, log } = options;
  const closing = new AbortController();
  const transition = createSwitchTransitions({ ...options, signal: closing.signal });
  const lock = createKeyedLock();
  const machine: { state: SwitchState } = { state: { place: 'waiting', wasAlone: false } };

  function run(command: Command, wish: SettingsWish = { insist: false }): Promise<void> {
    return lock('command', async () => {
      const { place } = machine.state;
      const { state, error } = await transition(machine.state, command, wish);
      machine.state = state;
      if (state.place !== place) log.info('the store in use has changed', { from: place, to: state.place });
      if (error) throw error;
    });
  }

  // Tunnels are moved to the new address first, then the other hosts are told of it.
  const unsubscribe = underlay.subscribe(() => {
    void current.current?.converge().then(async () => {
      if (machine.state.place === 'member') await machine.state.duties.moved();
    });
  });

  return {
    get place() {
      return machine.state.place;
    },
    get liveness() {
      return machine.state.place === 'member' ? machine.state.duties.liveness : undefined;
    },
    wait: (reason) => void current.clear(reason),
    goAlone: () => run('goAlone'),
    async joinCluster(wish) {
      await run('joinCluster', wish);
      return (await current.get()).store;
    },
    leaveCluster: () => run('leaveCluster'),
    async close() {
      unsubscribe();
      closing.abort(refusal('closed'));
      await run('close');
    },
  };
}
