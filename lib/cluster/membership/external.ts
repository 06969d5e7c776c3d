import type { ClusterConfig } from '../../config/cluster.js';
import type { ConsulConfig } from '../../config/consul.js';
import { AppError, messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { retryForever } from '../../concurrency/retry-forever.js';
import type { Store } from '../../store/store.js';
import type { ClusterStateFile } from './state-file.js';
import type { Membership, MembershipStatus } from './membership.js';
import { createOwnRecord, type OwnRecord } from '../hosts/member-record.js';
import { needUnderlay, type Underlay, type UnderlayFinder } from '../underlay.js';

export interface ExternalMembershipOptions {
  hostId: string;
  /** Name of the host, for people. */
  name: string;
  config: ClusterConfig;
  consul: ConsulConfig;
  file: ClusterStateFile;
  underlays: UnderlayFinder;
  /** Open the store and take part. Called again when it failed. */
  connect: () => Promise<Store>;
  /** The address that carries the cluster has changed. */
  onMove?: (underlay: Underlay) => void;
  log: Log;
}

/**
 * Membership by configuration: whoever may use the Consul that agent.yml names is a member. Nothing is run, nothing is
 * asked of other hosts, and there is nothing to command.
 */
export function createExternalMembership(options: ExternalMembershipOptions): Membership {
  const { hostId, name, config, consul, file, underlays, connect, onMove, log } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  const device = () => config.interface;
  let state: MembershipStatus['state'] = 'none';
  let underlay: Underlay | undefined;
  let own: OwnRecord | undefined;
  let problem: string | undefined;
  let ended: Promise<unknown> = Promise.resolve();

  async function refuse(): Promise<never> {
    throw new AppError(
      'conflict',
      `the cluster of this host is what \`consul\` in its agent.yml says (${consul.address}): change that, and restart the agent`,
    );
  }

  async function persist<T>(what: string, task: () => Promise<T>): Promise<T> {
    const attempt = () =>
      task().catch((error: unknown) => {
        problem = messageOf(error);
        throw error;
      });
    return retryForever(attempt, { what, log, signal });
  }

  async function enter(): Promise<void> {
    underlay = await persist('find the underlay', () => needUnderlay(underlays, device()));
    const store = await persist(`take part in the cluster at ${consul.address}`, connect);
    const mine = createOwnRecord(store, () => ({ hostId, name, address: underlay?.address ?? '' }), log);
    await persist('put this host on record', mine.write);
    own = mine;
    state = 'member';
    log.info('host is a member of the cluster', { consul: consul.address, host: hostId });
    const keep = async () => {
      for await (const _others of mine.keep(signal));
    };
    await persist('keep this host on record', keep);
  }

  async function followUnderlay(): Promise<void> {
    for await (const next of underlays.watch(device, signal)) {
      // A cable that is out is no reason to end anything: the same address will come back.
      if (!next || !underlay || next.cidr === underlay.cidr) continue;
      log.info('the cluster is carried by another address now', { ...next });
      underlay = next;
      onMove?.(next);
      const { write } = own ?? {};
      if (write) await persist('put the new address on record', write);
    }
  }

  return {
    async start() {
      const { member } = await file.read();
      if (member) {
        throw new AppError(
          'conflict',
          `this host belongs to cluster ${member.name}: take \`consul\` out of agent.yml, and \`socketplane cluster leave\` first`,
        );
      }
      state = 'joining';
      const quiet = (error: unknown) => {
        if (!signal.aborted) log.error('membership has ended', { error: messageOf(error) });
      };
      ended = Promise.all([enter().catch(quiet), followUnderlay().catch(quiet)]);
    },
    status: () => ({
      state,
      hostId,
      cluster: config.name,
      underlay,
      server: false,
      problem: state === 'joining' ? problem : undefined,
    }),
    bootstrap: refuse,
    join: refuse,
    bind: refuse,
    leave: refuse,
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}
