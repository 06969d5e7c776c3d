import { AppError, asError, messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { Network } from '../base/model.js';
import { createBackoff } from '../concurrency/backoff.js';
import { singleFlight } from '../concurrency/single-flight.js';
import type { Docker, DockerNetwork } from '../docker/docker.js';
import { networkBody } from '../docker/network-body.js';
import type { NetworkChoice, Networks } from '../network/networks.js';
import type { DockerNetworks } from './docker-networks.js';
import type { Makings } from './makings.js';
import { createHeldNames } from './held-names.js';
import { planFanOut, type FanOutStep } from './plan-fan-out.js';
import { settingsOfDocker } from './settings.js';

/**
 * Makes Docker's networks on this host those of the cluster: made, removed and found again, under the same names, with the
 * same subnets, labels and options.
 */
export interface FanOut {
  /** Does what is to be done now. Rejects when Docker cannot be asked; what it refuses is a problem, see {@link problems}. */
  reconcile(): Promise<void>;
  /** Leaves the network of this name alone until the returned function is called: a client's call is about to change it. */
  hold(name: string): () => void;
  /** A client's call has Docker make this network now. @returns ends it */
  making(network: Network): () => void;
  /** Docker's id of a network of the cluster. Waits a moment for one that is being made. Throws `unavailable` with the reason. */
  expect(name: string): Promise<string>;
  /** Whether the name means one of Docker's own networks on this host, although the cluster has one of that name. */
  isForeign(name: string): boolean;
  /** Why networks of the cluster are not there on this host, or others are, by name: one line each. */
  problems(): ReadonlyMap<string, string>;
}

/** How long a container's creation waits for its network to appear in Docker, in milliseconds. */
const EXPECT_MS = 8_000;
/** What Docker has refused is tried again after a second, then twice as long each time, up to this: milliseconds. */
const LONGEST_PAUSE_MS = 60_000;

export interface FanOutOptions {
  docker: Pick<Docker, 'networks' | 'createNetwork' | 'removeNetwork'>;
  dockerNetworks: DockerNetworks;
  makings: Makings;
  /** The networks of the cluster as last heard, or as this host has changed them since. */
  wanted: () => readonly Network[];
  /** Takes a network into the cluster that Docker has made without us. Throws what `Networks.create` throws. */
  adopt: (name: string, choice: NetworkChoice) => ReturnType<Networks['create']>;
  /** From now on, nothing is done: another store may say otherwise. */
  signal?: AbortSignal;
  /** Milliseconds that {@link FanOut.expect} waits. */
  patience?: number;
  log: Log;
}

export function createFanOut(options: FanOutOptions): FanOut {
  const { docker, dockerNetworks, makings, wanted, adopt, signal, patience = EXPECT_MS, log } = options;
  const look = () =>
    void reconcile().catch((error: unknown) =>
      log.debug('networks not looked at', { error: messageOf(error) }),
    );
  const held = createHeldNames(look);
  const again = createBackoff(look, { first: 1_000, most: LONGEST_PAUSE_MS, signal });
  const problems = new Map<string, string>();
  const foreign = new Set<string>();
  /** What Docker's networks were made from, by Docker's ids. */
  const sources = new Map<string, Network>();
  const waiting = new Set<() => void>();

  async function take(name: string, found: DockerNetwork): Promise<void> {
    const { id, subnet, gateway } = found;
    if (subnet === undefined) throw new AppError('invalid', `Docker's network ${name} has no subnet`);
    const network = await adopt(name, { subnet, gateway, settings: settingsOfDocker(found) });
    sources.set(id, network);
    await dockerNetworks.set(id, { name, subnet });
    log.info('a network that Docker has made is now in the cluster', { network: name, subnet });
  }

  async function perform(step: Exclude<FanOutStep, { do: 'report' }>): Promise<void> {
    const { name } = step;
    switch (step.do) {
      case 'create': {
        const end = makings.begin(step.network);
        const id = await docker.createNetwork(networkBody(step.network)).finally(end);
        sources.set(id, step.network);
        await dockerNetworks.set(id, { name, subnet: step.network.subnet });
        log.info('network made in Docker', { network: name, id: id.slice(0, 12) });
        return;
      }
      case 'remove':
        await docker.removeNetwork(step.id);
        await dockerNetworks.drop(step.id);
        log.info('network removed from Docker', { network: name, id: step.id.slice(0, 12) });
        return;
      case 'adopt':
        return take(name, step.found);
      case 'know':
        return dockerNetworks.set(step.id, { name, subnet: step.subnet });
    }
  }

  /** @returns what has failed, by name: one that could not be removed is in the way of its successor, which is not tried */
  async function performAll(steps: readonly FanOutStep[]): Promise<Map<string, string>> {
    const failed = new Map<string, string>();
    for (const step of steps) {
      // A client's call may have begun meanwhile.
      if (step.do === 'report' || failed.has(step.name) || held.has(step.name) || signal?.aborted) continue;
      try {
        await perform(step);
      } catch (error) {
        failed.set(step.name, messageOf(error));
      }
    }
    return failed;
  }

  /** Replaces what was known; of a name that is held nothing is known anew. */
  function note(current: ReadonlyMap<string, string>, reported: ReadonlySet<string>): void {
    for (const name of problems.keys()) if (!current.has(name) && !held.has(name)) problems.delete(name);
    for (const name of foreign) if (!reported.has(name) && !held.has(name)) foreign.delete(name);
    for (const name of reported) foreign.add(name);
    for (const [name, problem] of current) {
      if (problems.get(name) !== problem)
        log.warn('a network is not as it should be', { network: name, problem });
      problems.set(name, problem);
    }
  }

  /** Docker does not say that it has lost a network, nor does it tell an agent that is away that one was removed. */
  async function forget(before: readonly string[], there: readonly DockerNetwork[]): Promise<void> {
    const isThere = new Set(there.map(({ id }) => id));
    const isHeld = (id: string) => held.has(dockerNetworks.get(id)?.name ?? '');
    // One that was made while Docker was being asked is not in its answer.
    await dockerNetworks.drop(...before.filter((id) => !isThere.has(id) && !isHeld(id)));
    for (const id of sources.keys()) if (!dockerNetworks.get(id)) sources.delete(id);
  }

  const reconcile = singleFlight(async () => {
    if (signal?.aborted) return;
    const before = dockerNetworks.ids();
    const there = await docker.networks();
    await forget(before, there);
    const steps = planFanOut({
      wanted: wanted(),
      there,
      isHeld: held.has,
      wasOurs: ({ id }) => dockerNetworks.get(id)?.name !== undefined,
      madeFrom: (id) => sources.get(id),
    });
    const reports = steps.filter((step) => step.do === 'report');
    const failed = await performAll(steps);
    note(
      new Map([...failed, ...reports.map(({ name, problem }) => [name, problem] as const)]),
      new Set(reports.map(({ name }) => name)),
    );
    if (failed.size > 0) again.failed();
    else again.succeeded();
    for (const lookAgain of waiting) lookAgain();
  });

  return {
    reconcile,
    hold: held.hold,
    making: makings.begin,
    expect: (name) =>
      new Promise((resolve, reject) => {
        /** @param isFresh whether problems are those of a look that this call has waited for */
        const answer = (isFresh: boolean): boolean => {
          const id = foreign.has(name) ? undefined : dockerNetworks.idOf(name);
          const problem = isFresh ? problems.get(name) : undefined;
          if (id !== undefined) end(() => resolve(id));
          else if (problem !== undefined) end(() => reject(absent(name, `: ${problem}`)));
          return id !== undefined;
        };
        const again = () => void answer(true);
        const timer = setTimeout(() => end(() => reject(absent(name, ' yet: try again'))), patience);
        const end = (act: () => void) => {
          clearTimeout(timer);
          waiting.delete(again);
          act();
        };
        if (answer(false)) return;
        waiting.add(again);
        reconcile().catch((error: unknown) => end(() => reject(asError(error))));
      }),
    isForeign: (name) => foreign.has(name),
    problems: () => problems,
  };
}

function absent(name: string, why: string): AppError {
  return new AppError('unavailable', `network ${name} is not in Docker on this host${why}`);
}
