import { AppError, messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { Remote } from '../base/model.js';
import type { BridgeModel } from './bridge-model.js';
import type { RemoteChange } from './datapath.js';
import { tunnelName } from './device-names.js';
import { EXTERNAL_ID } from './vswitch/external-ids.js';
import { adding, type OpenFlow } from './vswitch/openflow.js';
import type { SwitchOperation } from './vswitch/operations.js';
import { PortError, type Interface, type Ovsdb } from './vswitch/ovsdb.js';
import type { PortFaults, WantedPort } from './port-faults.js';
import { remoteMatch, tunnelMatch } from './flows/cookie.js';
import { tunnelFlows } from './flows/tunnel-flows.js';
import { createTunnelOrigin } from './tunnel-origin.js';
import type { UnderlayState } from './kernel/underlay.js';

export interface Tunnels {
  /** A port that Open vSwitch cannot make is no error: see {@link faults}. */
  ensure(peer: string): Promise<void>;
  remove(peer: string): Promise<void>;
  apply(change: RemoteChange): Promise<void>;
  /** Turns the tunnel ports found on the bridge into those of exactly these peers; the caller sets the rules. */
  adopt(found: Interface[], peers: string[]): Promise<void>;
  /** Makes the ports anew that do not work. */
  retry(): Promise<void>;
  /** The ports that there should be. */
  wanted(): WantedPort[];
  /** Why there is no tunnel to a host, by its address; only those that do not work. */
  readonly faults: ReadonlyMap<string, string>;
  /** Why there are no tunnels, or not all: one line for people. */
  readonly problem: string | undefined;
}

/** 60 bytes of a local experimental EtherType (IEEE 802), which no rule on the other side lets in. */
const PROBE = `ffffffffffff02535000000088b5${'00'.repeat(46)}`;

/** One VXLAN port per peer. Callers hold the lock that keeps `model` unchanged while `adopt` runs. */
export function createTunnels(options: {
  model: BridgeModel;
  ovsdb: Ovsdb;
  openflow: OpenFlow;
  bridge: string;
  isKernel: () => boolean;
  underlay: () => Promise<UnderlayState>;
  vxlanPort: () => number;
  faults: PortFaults;
  log: Log;
}): Tunnels {
  const { model, ovsdb, openflow, bridge, isKernel, underlay, vxlanPort, faults, log } = options;
  const { tunnels, leaving, remotes } = model;
  const origin = createTunnelOrigin({ isKernel, underlay, log });

  function tunnelPort(peer: string, ofport: number, local: string): SwitchOperation {
    const options = { remote_ip: peer, local_ip: local, key: 'flow', dst_port: String(vxlanPort()) };
    const externalIds = { [EXTERNAL_ID.peer]: peer };
    return {
      do: 'setPort',
      bridge,
      port: tunnelName(peer),
      settings: { type: 'vxlan', ofport, options, externalIds },
    };
  }

  /** Keeps apart what Open vSwitch can make: the tunnels to some hosts may work where those to others do not. */
  async function setPorts(peers: readonly string[], operations: readonly SwitchOperation[]): Promise<void> {
    const failed = await ovsdb.transact(operations).then(
      () => new Map<string, string>(),
      (error: unknown) => {
        if (error instanceof PortError) return error.faults;
        throw error;
      },
    );
    faults.settled(peers.filter((peer) => tunnels.has(peer)).map(wantedPort), failed);
    await findHosts(peers.filter((peer) => !failed.has(tunnelName(peer))));
  }

  const failing = () =>
    new Map(
      [...tunnels.keys()].flatMap((peer) => {
        const why = faults.of(tunnelName(peer));
        return why === undefined ? [] : [[peer, why] as const];
      }),
    );

  function summary(): string | undefined {
    const failed = failing();
    const [why] = failed.values();
    if (why === undefined) return undefined;
    const hosts = failed.size === tunnels.size ? 'other hosts' : [...failed.keys()].join(', ');
    return `no tunnels to ${hosts}: ${explained(why, vxlanPort())}`;
  }

  /** Rules for a peer's endpoints, and for the networks that they are on. */
  function reachLines(peer: string): string[] {
    const there = remotes.at(peer);
    const networks = new Map(there.map(({ network }) => [network.vni, network]));
    return [
      ...there.flatMap(({ network, ip }) => remoteLines(network.vni, ip, model.remote(network, ip))),
      ...adding([...networks.values()].flatMap(model.flood)),
    ];
  }

  /**
   * Userspace Open vSwitch drops the packet for which it first has to look up a host's MAC, where the kernel would queue it.
   * A probe is sent first, so that no container's packet is lost. It does no harm if that fails.
   */
  async function findHosts(peers: readonly string[]): Promise<void> {
    if (isKernel() || peers.length === 0) return;
    const outputs = peers.flatMap((peer) => {
      const ofport = tunnels.get(peer);
      return ofport === undefined ? [] : [`output:${ofport}`];
    });
    await openflow
      .send(PROBE, outputs.join(','))
      .catch((error: unknown) => log.debug('hosts not looked for', { error: messageOf(error) }));
  }

  return {
    get problem() {
      return origin.problem ?? summary();
    },
    get faults() {
      return new Map([...failing()].map(([peer, why]) => [peer, explained(why, vxlanPort())]));
    },
    wanted: () => [...tunnels.keys()].map(wantedPort),

    async ensure(peer) {
      const local = await origin.find(ovsdb.interfaces);
      origin.solved();
      const ofport = tunnels.get(peer) ?? model.freeOfport('tunnel');
      tunnels.set(peer, ofport);
      await Promise.all([
        setPorts([peer], [tunnelPort(peer, ofport, local)]),
        openflow.change(() =>
          tunnels.get(peer) === ofport ? [...adding(tunnelFlows(peer, ofport)), ...reachLines(peer)] : [],
        ),
      ]);
    },

    async retry() {
      const peers = [...failing().keys()];
      if (peers.length === 0) return;
      const local = await origin.find(ovsdb.interfaces);
      const again = peers.flatMap((peer): SwitchOperation[] => [
        // What Open vSwitch could not make, it does not try again while its row stays the same.
        { do: 'removePort', bridge, port: tunnelName(peer) },
        tunnelPort(peer, tunnels.get(peer) ?? model.freeOfport('tunnel'), local),
      ]);
      await setPorts(peers, again);
    },

    async remove(peer) {
      const ofport = tunnels.get(peer);
      if (ofport === undefined) return;
      const port = tunnelName(peer);
      tunnels.delete(peer);
      faults.forget(port);
      leaving.set(port, ofport);
      await openflow.change(() =>
        tunnels.has(peer) ? [] : [`delete ${tunnelMatch(peer)}`, ...reachLines(peer)],
      );
      await ovsdb.transact([{ do: 'removePort', bridge, port }]);
      leaving.delete(port);
    },

    async apply({ put, drop }) {
      const stays = new Set(put.map(({ network, ip }) => `${network.vni} ${ip}`));
      const gone = drop.filter(({ network, ip }) => !stays.has(`${network.vni} ${ip}`));
      const known = put.map((remote) => ({ remote, before: remotes.get(remote.network, remote.ip) }));
      const moved = known.filter(({ remote, before }) => !before || !isSameRemote(before, remote));
      // What leads to another MAC has another match, so that adding rules would not replace it.
      const stale = moved.filter(({ remote, before }) => before && before.mac !== remote.mac);
      const changed = [
        ...gone.filter(({ network, ip }) => remotes.get(network, ip)),
        ...moved.map(({ remote }) => remote),
      ];
      const flooded = new Map(
        [
          ...gone.filter(({ network, ip }) => remotes.drop(network, ip)),
          ...put.filter((remote) => remotes.put(remote)),
        ].map(({ network }) => [network.vni, network]),
      );
      await openflow.change(() => [
        ...stale.map(({ remote }) => `delete ${remoteMatch(remote.network.vni, remote.ip)}`),
        ...changed.flatMap(({ network, ip }) => remoteLines(network.vni, ip, model.remote(network, ip))),
        ...adding([...flooded.values()].flatMap(model.flood)),
      ]);
    },

    async adopt(found, peers) {
      const local =
        peers.length === 0 ? undefined : await origin.find(async () => found).catch(onlyImpossible);
      if (local !== undefined || peers.length === 0) origin.solved();
      const wanted = new Set(local === undefined ? [] : peers);
      const operations: SwitchOperation[] = [];
      for (const { name, ofport, error, externalIds } of found) {
        const peer = externalIds.get(EXTERNAL_ID.peer);
        if (peer === undefined) continue;
        if (wanted.has(peer) && name === tunnelName(peer) && ofport > 0 && error === undefined)
          tunnels.set(peer, ofport);
        else operations.push({ do: 'removePort', bridge, port: name });
      }
      for (const peer of wanted) {
        const ofport = tunnels.get(peer) ?? model.freeOfport('tunnel');
        tunnels.set(peer, ofport);
        operations.push(tunnelPort(peer, ofport, local ?? ''));
      }
      if (operations.length > 0) await setPorts([...wanted], operations);
    },
  };
}

const wantedPort = (peer: string): WantedPort => ({
  port: tunnelName(peer),
  what: `the tunnel to ${peer}`,
});

/** Open vSwitch's own words, and what they mean where that is known. */
function explained(why: string, port: number): string {
  const isTaken = /address already in use|file exists/i.test(why);
  return isTaken
    ? `something else on this host has UDP ${port}, such as Docker Swarm, flannel or another bridge (Open vSwitch: ${why})`
    : `Open vSwitch says: ${why}`;
}

/** Swallows the error that there can be no tunnels: it has been logged already, and everything else goes on. */
function onlyImpossible(error: unknown): undefined {
  if (!(error instanceof AppError && error.kind === 'unavailable')) throw error;
}

const isSameRemote = (a: Remote, b: Remote) => a.peer === b.peer && a.mac === b.mac;

/** The rules of an address that keeps its MAC keep their match, so that adding them replaces the old ones at once. */
function remoteLines(vni: number, ip: string, flows: string[]): string[] {
  return flows.length > 0 ? adding(flows) : [`delete ${remoteMatch(vni, ip)}`];
}
