import { AppError, messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { Network } from '../base/model.js';
import { singleFlight } from '../concurrency/single-flight.js';
import type { Docker, DockerNetwork } from '../docker/docker.js';
import { DRIVER, NETWORK_OPTION } from '../docker/driver-names.js';
import { networkBody } from '../docker/network-body.js';
import type { NetworkChoice, Networks } from '../network/networks.js';
import type { DockerNetworks } from './docker-networks.js';
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
  /** Docker's id of a network of the cluster. Waits a moment for one that is being made. Throws `unavailable` with the reason. */
  expect(name: string): Promise<string>;
  /** Why networks of the cluster are not there on this host, or others are, by name: one line each. */
  problems(): ReadonlyMap<string, string>;
}

/** How long a container's creation waits for its network to appear in Docker, in milliseconds. */
const EXPECT_MS = 8_000;

export interface FanOutOptions {
  docker: Pick<Docker, 'networks' | 'createNetwork' | 'removeNetwork'>;
  dockerNetworks: DockerNetworks;
  /** The networks of the cluster as last heard. */
  wanted: () => readonly Network[];
  /** Takes a network into the cluster that Docker has made without us. Throws what `Networks.create` throws. */
  adopt: (name: string, choice: NetworkChoice) => ReturnType<Networks['create']>;
  log: Log;
}

export function createFanOut({ docker, dockerNetworks, wanted, adopt, log }: FanOutOptions): FanOut {
  /** How many calls are about to change each network. */
  const held = new Map<string, number>();
  const problems = new Map<string, string>();
  const waiting = new Set<() => void>();

  function note(name: string, problem: string): void {
    if (problems.get(name) !== problem) log.warn('a network is not as it should be', { network: name, problem });
    problems.set(name, problem);
  }

  async function take(name: string, found: DockerNetwork): Promise<void> {
    const { id, subnet, gateway } = found;
    if (subnet === undefined) throw new AppError('invalid', `Docker's network ${name} has no subnet`);
    await adopt(name, { subnet, gateway, settings: settingsOfDocker(found) });
    await dockerNetworks.set(id, { name, subnet });
    log.info('a network that Docker has made is now in the cluster', { network: name, subnet });
  }

  async function perform(step: FanOutStep): Promise<void> {
    const { name } = step;
    switch (step.do) {
      case 'create': {
        const id = await docker.createNetwork(networkBody(step.network));
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
      case 'report':
        return note(name, step.problem);
    }
  }

  const reconcile = singleFlight(async () => {
    const there = await docker.networks();
    const ours = there.filter(({ driver }) => driver === DRIVER);
    const steps = planFanOut({
      wanted: wanted(),
      there,
      isHeld: (name) => held.has(name),
      wasOurs: ({ id, options }) =>
        options[NETWORK_OPTION] !== undefined || dockerNetworks.get(id)?.name !== undefined,
    });
    const concerned = new Set(steps.map(({ name }) => name));
    for (const name of problems.keys()) if (!concerned.has(name)) problems.delete(name);
    const failed = new Set<string>();
    for (const step of steps) {
      // One that could not be removed is still in the way of its successor.
      if (failed.has(step.name)) continue;
      try {
        await perform(step);
        if (step.do !== 'report') problems.delete(step.name);
      } catch (error) {
        failed.add(step.name);
        note(step.name, messageOf(error));
      }
    }
    await dockerNetworks.keep(new Set([...ours.map(({ id }) => id), ...idsOf(wanted(), dockerNetworks)]));
    for (const look of waiting) look();
  });

  return {
    reconcile,
    hold(name) {
      held.set(name, (held.get(name) ?? 0) + 1);
      let isHeld = true;
      return () => {
        if (!isHeld) return;
        isHeld = false;
        const left = (held.get(name) ?? 1) - 1;
        if (left > 0) held.set(name, left);
        else held.delete(name);
        reconcile().catch((error: unknown) => log.debug('networks not looked at', { error: messageOf(error) }));
      };
    },
    expect: (name) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const id = dockerNetworks.idOf(name);
          const problem = problems.get(name);
          if (id === undefined && problem === undefined) return false;
          end();
          if (id !== undefined) resolve(id);
          else reject(new AppError('unavailable', `network ${name} is not in Docker on this host: ${problem}`));
          return true;
        };
        const timer = setTimeout(() => {
          end();
          reject(new AppError('unavailable', `network ${name} is not in Docker on this host yet: try again`));
        }, EXPECT_MS);
        const end = () => {
          clearTimeout(timer);
          waiting.delete(look);
        };
        waiting.add(look);
        if (!look()) reconcile().catch(() => undefined);
      }),
    problems: () => problems,
  };
}

/** A network that was made while Docker was being asked is not in its answer. */
function idsOf(networks: readonly Network[], dockerNetworks: DockerNetworks): string[] {
  return networks.flatMap(({ id }) => dockerNetworks.idOf(id) ?? []);
}
