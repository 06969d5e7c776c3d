import type { ClusterConfig } from '../../config/cluster.js';
import type { ConsulConfig } from '../../config/consul.js';
import { AppError, messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Cell } from '../../concurrency/observable.js';
import { retryForever } from '../../concurrency/retry-forever.js';
import type { Store } from '../../store/store.js';
import type { SettingsWish } from '../settings.js';
import type { ClusterStateFile } from './state-file.js';
import type { Membership, MembershipStatus } from './membership.js';
import { createOwnRecord, type OwnRecord } from '../hosts/member-record.js';
import { hasMoved } from './facts.js';
import type { Underlay } from '../../base/model.js';
import { needUnderlay, type UnderlayFinder } from '../underlay.js';

export interface ExternalMembershipOptions {
  hostId: string;
  /** Name of the host, for people. */
  name: string;
  config: ClusterConfig;
  consul: ConsulConfig;
  file: ClusterStateFile;
  underlays: UnderlayFinder;
  /** Opens the store and takes part. Called again after a failure. */
  connect: (wish: SettingsWish) => Promise<Store>;
  /** What carries the cluster; undefined until that is known. Set here, for everyone who needs it. */
  underlay: Cell<Underlay | undefined>;
  log: Log;
}

/**
 * Membership by configuration: every host that may use the Consul named in agent.yml is a member. This host runs no Consul,
 * asks nothing of other hosts, and refuses all commands.
 */
export function createExternalMembership(options: ExternalMembershipOptions): Membership {
  const { hostId, name, config, consul, file, underlays, underlay, connect, log } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  const device = () => config.interface;
  const now: { state: MembershipStatus['state']; record?: OwnRecord; problem?: string } = { state: 'none' };
  let ended: Promise<unknown> = Promise.resolve();

  async function refuse(): Promise<never> {
    throw new AppError(
      'conflict',
      `the cluster of this host is set by \`consul\` in its agent.yml (${consul.address}): change that, and restart the agent`,
    );
  }

  function retry<T>(what: string, task: () => Promise<T>): Promise<T> {
    const onFailure = (error: Error) => {
      now.problem = messageOf(error);
    };
    return retryForever(task, { what, log, signal, onFailure });
  }

  async function takePart(): Promise<void> {
    underlay.set(await retry('find the underlay', () => needUnderlay(underlays, device())));
    const wish = { vxlanPort: config.vxlanPort, insist: true };
    const store = await retry(`connect to the cluster at ${consul.address}`, () => connect(wish));
    const self = () => ({ hostId, name, address: underlay.value?.address ?? '' });
    const record = createOwnRecord(store, self, log);
    await retry('put this host on record', record.write);
    Object.assign(now, { record, state: 'member' });
    log.info('host is a member of the cluster', { consul: consul.address, host: hostId });
    await retry('keep this host on record', async () => {
      for await (const _others of record.keep(signal));
    });
  }

  async function followUnderlay(): Promise<void> {
    for await (const next of underlays.watch(device, signal)) {
      if (!hasMoved(underlay.value, next)) continue;
      log.info('the cluster is carried by another address now', { ...next });
      underlay.set(next);
      if (now.record) await retry('put the new address on record', now.record.write);
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
      now.state = 'joining';
      const report = (error: unknown) => {
        if (!signal.aborted) log.error('membership has ended', { error: messageOf(error) });
      };
      ended = Promise.all([takePart().catch(report), followUnderlay().catch(report)]);
    },
    status: () => ({
      state: now.state,
      hostId,
      cluster: config.name,
      underlay: underlay.value,
      server: false,
      problem: now.state === 'joining' ? now.problem : undefined,
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
