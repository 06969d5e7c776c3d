import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { createKeyedLock } from '../../concurrency/keyed-lock.js';
import type { ClusterConfig } from '../../config/cluster.js';
import { AppError, messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Store } from '../../store/store.js';
import { createActiveMember, type ActiveMember } from './member.js';
import type { ClusterState, ClusterStateFile, Member } from './state-file.js';
import type { ConsulAgent } from '../consul/agent.js';
import { disregarded, findPeers, foundMember, joiningMember } from './join-request.js';
import { createMdns, silentMdns } from '../discovery/mdns.js';
import type { Membership, MembershipStatus } from './membership.js';
import { createDiscovered } from '../discovery/discovered.js';
import { needUnderlay as needUnderlayOf, type Underlay, type UnderlayFinder } from '../underlay.js';

const CONNECT_MS = 30_000;
/** By then each member has answered, so two clusters of one name are both seen. */
const SETTLE_MS = 1_500;
const PURSUE_MS = 1_000;

export interface ManagedMembershipOptions {
  hostId: string;
  config: ClusterConfig;
  file: ClusterStateFile;
  consul: ConsulAgent;
  underlays: UnderlayFinder;
  /** The host is a member and Consul can be used: open the store. Called again when it failed. */
  connect: () => Promise<Store>;
  /**
   * The host is to be alone: give back what it has in the store, and close that. Also called when it never was a member.
   */
  disconnect: () => Promise<void>;
  /** The address that carries the cluster has changed. */
  onMove?: (underlay: Underlay) => void;
  log: Log;
}

/** Membership with a Consul of our own, which hosts of the cluster make together. */
export function createManagedMembership(options: ManagedMembershipOptions): Membership {
  const { hostId, config, file, consul, underlays, connect, disconnect, onMove, log } = options;
  const lock = createKeyedLock();
  const command = <T>(task: () => Promise<T>) => lock('membership', task);
  const stopping = new AbortController();
  const discovered = createDiscovered();
  const mdns = config.mdns ? createMdns({ hostId, onDiscovered: discovered.add, log }) : silentMdns;
  let saved: ClusterState = {};
  let state: MembershipStatus['state'] = 'none';
  let active: ActiveMember | undefined;
  let underlay: Underlay | undefined;
  /** Why the last attempt in the background failed. */
  let problem: string | undefined;
  let pursuit = new AbortController();
  const device = () => saved.interface ?? config.interface;

  async function save(change: Partial<ClusterState>): Promise<void> {
    saved = { ...saved, ...change };
    await file.write(saved);
  }

  const failed = (what: string) => (error: unknown) => log.warn(what, { error: messageOf(error) });
  const needUnderlay = async () => (underlay = await needUnderlayOf(underlays, device()));

  /** @param onConflict what the host has cannot go along, and trying again will not change that */
  function activate(
    member: Member,
    on: Underlay,
    onConflict: (error: AppError) => void = () => undefined,
  ): ActiveMember {
    return createActiveMember({
      hostId,
      name: hostname(),
      member,
      underlay: on,
      consul,
      mdns,
      heard: (fingerprint) =>
        discovered
          .current()
          .filter((seen) => seen.fingerprint === fingerprint)
          .map(({ address }) => address),
      connect: () =>
        connect().catch((error: unknown) => {
          if (error instanceof AppError && error.kind === 'conflict') onConflict(error);
          throw error;
        }),
      save: (next) => save({ member: next }),
      log,
    });
  }

  /** Become a member; when that fails, all is as before. */
  async function enter(member: Member, joinAt: string[]): Promise<void> {
    const on = await needUnderlay();
    const before = state;
    const waiting = new AbortController();
    const signal = AbortSignal.any([waiting.signal, stopping.signal]);
    state = 'joining';
    await save({ member });
    let refuse!: (error: AppError) => void;
    const refused = new Promise<never>((_resolve, reject) => (refuse = reject));
    refused.catch(() => undefined);
    active = activate(member, on, refuse);
    try {
      await active.begin(joinAt);
      const late = sleep(CONNECT_MS, undefined, { signal }).then(() => {
        throw new AppError('unavailable', 'no Consul server of the cluster has answered: is one running?');
      });
      await Promise.race([active.connected, refused, late]);
      state = 'member';
    } catch (error) {
      await active.close();
      // It was too late, not in vain.
      if (active.hasStore)
        await disconnect().catch(failed('cannot give back what this host has in the store'));
      active = undefined;
      await consul.leave();
      await save({ member: undefined });
      state = before;
      throw error;
    } finally {
      waiting.abort();
    }
  }

  const bootstrap = () => enter(foundMember(config), []);

  async function joinAt(addresses: string[]): Promise<void> {
    await needUnderlay();
    await enter(await joiningMember(config, hostId, addresses), addresses);
  }

  /** What one look finds; the first looks only listen. */
  async function seek(): Promise<void> {
    mdns.use([await needUnderlay()]);
    if (config.join.length > 0) return joinAt(config.join);
    if (discovered.current().length > 0) await sleep(SETTLE_MS, undefined, { signal: stopping.signal });
    return joinAt(findPeers(config, discovered.current()));
  }

  /** Nobody answers for a member of old: it waits for its device, and for the others. */
  async function resume(member: Member): Promise<void> {
    const on = await needUnderlay();
    const resuming = activate(member, on);
    try {
      await resuming.begin();
    } catch (error) {
      await resuming.close();
      throw error;
    }
    active = resuming;
    void resuming.connected.then(() => {
      if (active === resuming) state = 'member';
    });
  }

  /** Try in the background until it works, or a command has made it needless. */
  function pursue(wanted: 'seeking' | 'joining', task: () => Promise<void>): void {
    pursuit.abort();
    pursuit = new AbortController();
    const signal = AbortSignal.any([pursuit.signal, stopping.signal]);
    state = wanted;
    problem = undefined;
    void (async () => {
      while (!signal.aborted) {
        try {
          return await command(async () => (signal.aborted ? undefined : task()));
        } catch (error) {
          if (signal.aborted) return;
          const reason = messageOf(error);
          if (reason !== problem) log.warn('not a member of a cluster yet', { reason });
          problem = reason;
        }
        await sleep(PURSUE_MS, undefined, { signal }).catch(() => undefined);
      }
    })();
  }

  /** A command by which a host that belongs to no cluster becomes a member. */
  function commence(task: () => Promise<void>): Promise<void> {
    return command(async () => {
      if (saved.member) {
        throw new AppError(
          'conflict',
          `this host belongs to cluster ${saved.member.name} already: \`socketplane cluster leave\` first`,
        );
      }
      await task();
      pursuit.abort();
    });
  }

  function move(next: Underlay): void {
    underlay = next;
    if (!active) return;
    log.info('the cluster is carried by another address now', { ...next });
    active.move(next);
    onMove?.(next);
  }

  async function followUnderlay(): Promise<void> {
    for await (const next of underlays.watch(device, stopping.signal)) {
      // A cable that is out is no reason to end anything: the same address will come back.
      const changed = () => next !== undefined && underlay !== undefined && next.cidr !== underlay.cidr;
      if (changed()) await command(async () => (changed() ? move(next!) : undefined));
    }
  }

  /** What cannot be given back now the reaper takes, later. */
  async function giveBack(member: ActiveMember): Promise<void> {
    await member.withdraw().catch(failed('cannot take this host off the record'));
    await disconnect().catch(failed('cannot give back what this host has in the store'));
    await member.close();
  }

  return {
    async start() {
      saved = await file.read();
      const { member } = saved;
      const settings = member ? disregarded(config, member) : [];
      if (settings.length > 0)
        log.warn('agent.yml is not followed before `socketplane cluster leave`', { settings });
      if (member) pursue('joining', () => resume(member));
      else if (config.bootstrap === true) pursue('seeking', bootstrap);
      else if (config.bootstrap === false || saved.interface !== undefined || config.join.length > 0) {
        pursue('seeking', seek);
      }
      void followUnderlay();
    },
    status: () => ({
      state,
      hostId,
      cluster: saved.member?.name ?? config.name,
      underlay,
      server: active?.member.server ?? false,
      problem: state === 'seeking' ? problem : state === 'joining' ? (active?.problem ?? problem) : undefined,
    }),
    bootstrap: () => commence(bootstrap),
    join: (address) =>
      commence(async () => {
        if (address !== undefined) return joinAt([address]);
        mdns.use([await needUnderlay()]);
        await sleep(SETTLE_MS);
        await joinAt(findPeers(config, discovered.current()));
      }),
    bind: (name) =>
      command(async () => {
        const next = await underlays.find(name);
        if (!next)
          throw new AppError('invalid', `device ${name} is not there, is down or has no IPv4 address`);
        await save({ interface: name });
        if (saved.member) return move(next);
        underlay = next;
        pursue('seeking', seek);
      }),
    leave: () =>
      command(async () => {
        pursuit.abort();
        if (active) {
          state = 'leaving';
          await giveBack(active);
          active = undefined;
        } else {
          await disconnect();
        }
        await consul.leave();
        await file.remove();
        saved = {};
        state = 'none';
      }),
    async stop() {
      stopping.abort();
      await command(async () => {
        await active?.close();
        await mdns.close();
        await consul.stop();
      });
    },
  };
}
