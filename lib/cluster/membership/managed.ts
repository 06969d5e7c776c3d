import { AppError } from '../../base/errors.js';
import { createKeyedLock } from '../../concurrency/keyed-lock.js';
import { createDiscovery, type Discovery } from '../discovery/discovery.js';
import { createBackgroundJoin } from './background-join.js';
import { hasMoved, problemOf, stateOf } from './facts.js';
import type { Membership } from './membership.js';
import { ignoredSettings, startPlan } from './start-plan.js';
import { createTransitions, type TransitionsOptions } from './transitions.js';

export interface ManagedMembershipOptions extends Omit<TransitionsOptions, 'discovery' | 'signal'> {
  /** For tests. */
  discovery?: Discovery;
}

/** Membership with Consul servers that the hosts of the cluster run themselves. */
export function createManagedMembership(options: ManagedMembershipOptions): Membership {
  const { hostId, config, consul, underlays, underlay, log } = options;
  const { discovery = createDiscovery(hostId, config, log) } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  const lock = createKeyedLock();
  const command = <T>(task: () => Promise<T>) => lock('membership', task);
  const background = createBackgroundJoin(command, signal, log);
  const transitions = createTransitions({ ...options, discovery, signal });
  const { now } = transitions;
  const facts = () => ({ ...now, background });

  /** A command by which a host that belongs to no cluster becomes a member. */
  function becomeMemberBy(task: () => Promise<void>): Promise<void> {
    return command(async () => {
      const { member } = now.saved;
      if (member) {
        const advice = '`socketplane cluster leave` first';
        throw new AppError('conflict', `this host belongs to cluster ${member.name} already: ${advice}`);
      }
      await task();
      background.cancel();
    });
  }

  async function followUnderlay(): Promise<void> {
    for await (const next of underlays.watch(transitions.device, signal)) {
      if (!hasMoved(underlay.value, next)) continue;
      // A command may have moved it meanwhile.
      await command(async () => (hasMoved(underlay.value, next) ? transitions.move(next) : undefined));
    }
  }

  return {
    async start() {
      await transitions.load();
      const { member } = now.saved;
      const settings = member ? ignoredSettings(config, member) : [];
      if (settings.length > 0)
        log.warn('agent.yml is not followed before `socketplane cluster leave`', { settings });
      const plan = startPlan(config, now.saved);
      if (plan !== 'wait') background.start(() => transitions[plan]());
      void followUnderlay();
    },
    status: () => ({
      state: stateOf(facts()),
      hostId,
      cluster: now.saved.member?.name ?? config.name,
      underlay: underlay.value,
      server: now.active?.member.server ?? false,
      problem: problemOf(facts()),
    }),
    bootstrap: (vxlanPort) => becomeMemberBy(() => transitions.bootstrap(vxlanPort)),
    join: (address) =>
      becomeMemberBy(() =>
        address === undefined ? transitions.joinDiscovered() : transitions.joinAt([address]),
      ),
    bind: (device) =>
      command(async () => {
        const next = await underlays.find(device);
        if (!next)
          throw new AppError('invalid', `device ${device} is not there, is down or has no IPv4 address`);
        await transitions.bind(device, next);
        if (!now.saved.member) background.start(transitions.search);
      }),
    leave: () =>
      command(async () => {
        background.cancel();
        await transitions.leave();
      }),
    async stop() {
      stopping.abort();
      await command(async () => {
        await now.active?.close();
        await discovery.mdns.close();
        await consul.letGo();
      });
    },
  };
}
