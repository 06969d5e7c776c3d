import { hasCode, messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { pause } from '../../concurrency/pause.js';
import { singleFlight } from '../../concurrency/single-flight.js';
import { openSystemBus, type BusSignal, type SystemBus } from '../../os/system-bus.js';
import type { Passage } from './plan.js';
import { FIREWALLD, FIREWALLD_PATH, letPass } from './zones.js';

/** Milliseconds until the bus, or firewalld after a failure, is tried again. */
const AGAIN_MS = 5_000;
/** Several changes of the user's come together; and two who disagree about a zone shall not keep the processor busy. */
const TOGETHER_MS = 200;
const NOTHING: Passage = { gateways: [], peers: [], underlay: undefined, vxlanPort: 0 };

/** Where firewalld runs, has it let through what containers and members send: its own chains come after ours. */
export interface Firewalld {
  /** Sets what has to pass from now on. Done in the background: no start of a container waits for firewalld. */
  set(passage: Passage): void;
  /** Why firewalld does not let it pass: one line for people; undefined when all is well, or no firewalld runs. */
  readonly problem: string | undefined;
  /**
   * Follows firewalld until `signal` aborts: it may start later, reload, or have its zones changed.
   *
   * @param onAnew it has started or reloaded, which may have taken all other rules of the host away
   */
  watch(onAnew: () => void, signal: AbortSignal): Promise<void>;
}

export function createFirewalld(log: Log, socket?: string): Firewalld {
  let wanted: Passage | undefined;
  let problem: string | undefined;
  let wake = () => {};

  function fail(error: unknown): void {
    const before = problem;
    problem = `firewalld cannot be told over D-Bus to let containers and tunnels through (${messageOf(error)}): \`socketplane doctor\` says what to type`;
    if (problem !== before) log.warn(problem);
  }

  /** Resolves when the connection has ended. */
  async function serve(onAnew: () => void, signal: AbortSignal): Promise<void> {
    let isAnew = true;
    const bus = await openSystemBus(onSignal, socket);
    const end = () => void bus.close();
    signal.addEventListener('abort', end);

    function onSignal({ path, member }: BusSignal): void {
      if (path === FIREWALLD_PATH && member !== 'Reloaded') return wake();
      if (member !== 'Reloaded' && member !== 'NameOwnerChanged') return;
      isAnew = true;
      wake();
    }

    const apply = singleFlight(async () => {
      await pause(TOGETHER_MS, signal);
      if (signal.aborted || wanted === undefined) return;
      try {
        // Its rules go with it.
        if (!(await bus.hasOwner(FIREWALLD))) return void (problem = undefined);
        const wasAnew = isAnew;
        isAnew = false;
        const steps = await letPass(bus, wanted);
        problem = undefined;
        if (steps.length > 0) log.info('firewalld lets our networks through', { changes: steps.length });
        if (wasAnew) onAnew();
      } catch (error) {
        isAnew = true;
        fail(error);
        void pause(AGAIN_MS, signal).then(wake);
      }
    });

    wake = () => void apply();
    try {
      await bus.listen(`type='signal',sender='${FIREWALLD}',path='${FIREWALLD_PATH}'`);
      await bus.listen(`type='signal',member='NameOwnerChanged',arg0='${FIREWALLD}'`);
      wake();
      await bus.closed;
    } finally {
      wake = () => {};
      signal.removeEventListener('abort', end);
      await bus.close();
    }
  }

  return {
    get problem() {
      return problem;
    },
    set(passage) {
      wanted = passage;
      wake();
    },
    async watch(onAnew, signal) {
      while (!signal.aborted) {
        await serve(onAnew, signal).catch((error: unknown) => {
          // A host without D-Bus has no firewalld.
          if (isAbsent(error)) problem = undefined;
          // Nothing is known of firewalld then, and other parts say so.
          else if (!hasCode(error, 'EMFILE', 'ENFILE')) fail(error);
        });
        await pause(AGAIN_MS, signal);
      }
    },
  };
}

const isAbsent = (error: unknown) => hasCode(error, 'ENOENT', 'ECONNREFUSED');

/** Has firewalld, where it runs, forget all of ours. */
export async function removeFromFirewalld(): Promise<void> {
  await withFirewalld((bus) => letPass(bus, NOTHING));
}

/** Does something with firewalld; undefined where none runs. */
export async function withFirewalld<T>(task: (bus: SystemBus) => Promise<T>): Promise<T | undefined> {
  let bus: SystemBus;
  try {
    bus = await openSystemBus(() => undefined);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
  try {
    return (await bus.hasOwner(FIREWALLD)) ? await task(bus) : undefined;
  } finally {
    await bus.close();
  }
}
