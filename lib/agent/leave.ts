import { asError, messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { ClusterSettings } from '../cluster/settings.js';
import type { Cell } from '../concurrency/observable.js';
import type { Current } from './current.js';
import type { OwnStore } from './own-store.js';
import type { Services } from './services.js';
import type { SwitchOutcome, StateIn } from './switch-states.js';
import type { Belongings } from './transfer.js';

export interface LeaveOptions {
  hostId: string;
  current: Current<Services>;
  ownStore: OwnStore;
  settings: Cell<ClusterSettings | undefined>;
  log: Log;
}

/** Moves from the cluster's store to the host's own, with what the host's containers use. */
export function createLeave({ hostId, current, ownStore, settings, log }: LeaveOptions) {
  async function belongingsOf({ known, networks }: Services): Promise<Belongings> {
    const { leases, networks: lastHeard } = known();
    return { leases, networks: await networks.list().catch(() => lastHeard) };
  }

  return async ({ services, duties }: StateIn<'member'>): Promise<SwitchOutcome> => {
    const errors: Error[] = [];
    /** Collects errors: no failure keeps the host from leaving. @returns whether the task succeeded */
    const attempt = (task: () => Promise<unknown>) =>
      task().then(
        () => true,
        (error: unknown) => {
          errors.push(asError(error));
          return false;
        },
      );

    await attempt(duties.stop);
    duties.fallSilent();
    current.clear('this host is leaving the cluster: try again in a moment');
    await attempt(services.stop);
    const belongings = await belongingsOf(services);
    // What was not saved is not given back either: nobody else may get these addresses while containers use them.
    const isSaved = await attempt(() => ownStore.save(belongings));
    if (isSaved) {
      await attempt(async () => {
        await duties.unregister();
        await services.releaseHost(hostId);
      });
    }
    await attempt(() => services.store.close());
    settings.set(undefined);
    const { state, error } = await ownStore.use({ unsaved: isSaved ? undefined : belongings });
    const [first, ...others] = error ? [error, ...errors] : errors;
    for (const other of others) log.warn('not all of the cluster is left', { error: messageOf(other) });
    return { state, error: first };
  };
}
