import { hostname } from 'node:os';
import { AppError, messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Cell } from '../../concurrency/observable.js';
import type { ClusterConfig } from '../../config/cluster.js';
import type { Store } from '../../store/store.js';
import type { SettingsWish } from '../settings.js';
import type { ConsulAgent } from '../consul/agent.js';
import type { Discovery } from '../discovery/discovery.js';
import type { Underlay } from '../../base/model.js';
import { needUnderlay, type UnderlayFinder } from '../underlay.js';
import { becomeMember } from './become-member.js';
import { firstMember, requestMembership } from './join-request.js';
import { createActiveMember, type ActiveMember, type ActiveMemberOptions } from './member.js';
import type { ClusterState, ClusterStateFile, Member } from './state-file.js';

export interface TransitionsOptions {
  hostId: string;
  config: ClusterConfig;
  file: ClusterStateFile;
  consul: ConsulAgent;
  underlays: UnderlayFinder;
  /** What carries the cluster; undefined until that is known. Set here, for everyone who needs it. */
  underlay: Cell<Underlay | undefined>;
  /** Opens the store. Called when the host is a member and Consul can be used, and again after a failure. */
  connect: (wish: SettingsWish) => Promise<Store>;
  /**
   * Gives back what the host has in the store, and closes it, because the host is to be alone. Also called when it never
   * was a member.
   */
  disconnect: () => Promise<void>;
  identity: ActiveMemberOptions['identity'];
  answerClaim: ActiveMemberOptions['answerClaim'];
  log: Log;
  discovery: Discovery;
  /** Aborts when the agent stops. */
  signal: AbortSignal;
  /** Milliseconds that a command waits for the cluster. */
  connectTimeout?: number;
}

/** What a membership is now. Only {@link Transitions} change it. */
export interface Now {
  /** What the state file holds. */
  saved: ClusterState;
  active: ActiveMember | undefined;
  isLeaving: boolean;
}

/**
 * What leads from one state of a membership to another. Transitions run one at a time; one that fails leaves everything
 * as it was, unless it says otherwise.
 */
export interface Transitions {
  readonly now: Readonly<Now>;
  /** The device to which this host is bound; undefined means that of the default route. */
  device: () => string | undefined;
  /** Reads the state file. */
  load(): Promise<void>;
  /** Becomes the member again that the state file names. Does not wait for the others. */
  resume(): Promise<void>;
  /** Begins a cluster, with this UDP port for tunnels rather than the configured one, if it is given. */
  bootstrap(vxlanPort?: number): Promise<void>;
  joinAt(addresses: readonly string[]): Promise<void>;
  /** Joins the cluster that multicast DNS finds, after waiting for all its members to answer. */
  joinDiscovered(): Promise<void>;
  /** Joins at the configured addresses, or else whatever has been discovered so far. */
  search(): Promise<void>;
  bind(device: string, underlay: Underlay): Promise<void>;
  /** Another address carries the cluster now. */
  move(underlay: Underlay): void;
  /** Makes the host belong to no cluster. A failure is logged, or leaves the host `leaving`: it may be repeated. */
  leave(): Promise<void>;
}

export function createTransitions(options: TransitionsOptions): Transitions {
  const { hostId, config, file, consul, underlays, underlay, disconnect, discovery, signal, log } = options;
  const now: Now = { saved: {}, active: undefined, isLeaving: false };
  const device = () => now.saved.interface ?? config.interface;

  async function save(change: Partial<ClusterState>): Promise<void> {
    const next = { ...now.saved, ...change };
    await file.write(next);
    now.saved = next;
  }

  async function findUnderlay(): Promise<Underlay> {
    const found = await needUnderlay(underlays, device());
    underlay.set(found);
    return found;
  }

  function activate(member: Member, on: Underlay, onConflict?: (error: AppError) => void): ActiveMember {
    // What agent.yml says later does not keep a host out of the cluster that it belongs to.
    const wish = { vxlanPort: member.vxlanPort ?? config.vxlanPort, insist: onConflict !== undefined };
    return createActiveMember({
      hostId,
      name: hostname(),
      member,
      underlay: on,
      consul,
      mdns: discovery.mdns,
      discovered: discovery.addressesOf,
      identity: options.identity,
      answerClaim: options.answerClaim,
      connect: () =>
        options.connect(wish).catch((error: unknown) => {
          if (error instanceof AppError && error.kind === 'conflict') onConflict?.(error);
          throw error;
        }),
      save: (next) => save({ member: next }),
      log,
    });
  }

  async function enter(member: Member, addresses: readonly string[]): Promise<void> {
    const on = await findUnderlay();
    try {
      await becomeMember({
        member,
        joinAt: addresses,
        save: (next) => save({ member: next }),
        activate: (onConflict) => (now.active = activate(member, on, onConflict)),
        disconnect,
        leaveConsul: consul.leave,
        signal,
        log,
        timeout: options.connectTimeout,
      });
    } catch (error) {
      now.active = undefined;
      throw error;
    }
  }

  async function joinAt(addresses: readonly string[]): Promise<void> {
    await findUnderlay();
    await enter(await requestMembership(config, hostId, addresses), addresses);
  }

  /** What cannot be given back now is freed later by the reaper. */
  async function withdraw(member: ActiveMember): Promise<void> {
    const warn = (what: string) => (error: unknown) => log.warn(what, { error: messageOf(error) });
    await member.withdraw().catch(warn('cannot take this host off the record'));
    await disconnect().catch(warn('cannot give back what this host has in the store'));
    await member.close();
  }

  function move(next: Underlay): void {
    underlay.set(next);
    if (!now.active) return;
    log.info('the cluster is carried by another address now', { ...next });
    now.active.move(next);
  }

  return {
    now,
    device,
    async load() {
      now.saved = await file.read();
    },
    async resume() {
      const { member } = now.saved;
      if (!member) return;
      const resuming = activate(member, await findUnderlay());
      try {
        await resuming.begin();
      } catch (error) {
        await resuming.close();
        throw error;
      }
      now.active = resuming;
    },
    bootstrap: (vxlanPort) => enter(firstMember(config, vxlanPort), []),
    joinAt,
    joinDiscovered: async () => joinAt(await discovery.findPeers(await findUnderlay(), signal, true)),
    async search() {
      if (config.join.length > 0) return joinAt(config.join);
      await joinAt(await discovery.findPeers(await findUnderlay(), signal));
    },
    async bind(name, next) {
      await save({ interface: name });
      move(next);
    },
    move,
    async leave() {
      now.isLeaving = now.saved.member !== undefined;
      if (now.active) await withdraw(now.active);
      else await disconnect();
      now.active = undefined;
      await consul.leave();
      await file.remove();
      now.saved = {};
      now.isLeaving = false;
    },
  };
}
