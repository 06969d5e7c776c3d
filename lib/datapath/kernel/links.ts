import { writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { ignoreMissing } from '../../base/errors.js';
import type { Network } from '../../base/model.js';
import { CommandError, type Run } from '../../os/exec.js';
import { gatewayName, isGatewayName, isPortName, peerName } from '../device-names.js';
import { gatewayMac } from '../flows/tables.js';
import { ipOnce, type IpBatch } from './ip-batch.js';

/** Where the kernel has no module for a type yet, `ip` leaves out by itself what is of another, and prints `{}` for it. */
const linkList = z.array(z.object({ ifname: z.string().optional() }));

/** Links and addresses, managed with `ip`. */
export interface Links {
  /**
   * Makes a link pair on the host; replaces an older one of the same name.
   *
   * @param mac of the end that Docker moves
   */
  create(port: string, mac: string, mtu: number): Promise<void>;
  /** Sets what `ip` cannot. Must be done before Docker moves its end. */
  tune(port: string): Promise<void>;
  /** Removes both ends, wherever the other one is. It is no error if there are none. */
  remove(port: string): Promise<void>;
  /** Names of the endpoints' links that are on the host. */
  list(): Promise<Set<string>>;
  /** Sets the address and MAC of a gateway's device. */
  configureGateway(network: Network): Promise<void>;
}

/** The gateways' devices that are on the host. */
export async function listGateways(run: Run): Promise<string[]> {
  const found = linkList.parse(JSON.parse((await run(['ip', '-json', 'link', 'show'])) || '[]'));
  return found.flatMap(({ ifname }) => (ifname !== undefined && isGatewayName(ifname) ? [ifname] : []));
}

/**
 * @param softwareChecksums true where no hardware behind the link completes checksums, as in the userspace datapath
 * @param ip runs the commands that change something
 */
export function createLinks(run: Run, softwareChecksums: () => boolean, ip: IpBatch = ipOnce(run)): Links {
  async function create(port: string, mac: string, mtu: number): Promise<void> {
    await ip([
      `link add ${port} mtu ${mtu} type veth peer name ${peerName(port)} mtu ${mtu} address ${mac}`,
      // The host's own stack must not use this device: its frames belong to Open vSwitch.
      `link set ${port} arp off addrgenmode none up`,
    ]);
  }

  async function remove(port: string): Promise<void> {
    try {
      await ip([`link delete ${port}`]);
    } catch (error) {
      if (!(error instanceof CommandError && /Cannot find device/.test(error.output))) throw error;
    }
  }

  return {
    async create(port, mac, mtu) {
      try {
        await create(port, mac, mtu);
      } catch (error) {
        if (!(error instanceof CommandError && /File exists/.test(error.output))) throw error;
        await remove(port);
        await create(port, mac, mtu);
      }
    },
    async tune(port) {
      await Promise.all([
        // A host without IPv6 has nothing to switch off.
        writeFile(`/proc/sys/net/ipv6/conf/${port}/disable_ipv6`, '1').catch(ignoreMissing),
        softwareChecksums() ? run(['ethtool', '-K', peerName(port), 'tx', 'off']) : undefined,
      ]);
    },
    remove,
    async list() {
      const found = await run(['ip', '-json', 'link', 'show', 'type', 'veth']);
      const names = linkList.parse(JSON.parse(found || '[]')).map(({ ifname = '' }) => ifname);
      return new Set(names.filter(isPortName));
    },
    async configureGateway(network) {
      const device = gatewayName(network);
      const prefix = network.subnet.split('/')[1];
      await ip([
        `link set ${device} address ${gatewayMac(network.vni)} addrgenmode none up`,
        `address replace ${network.gateway}/${prefix} dev ${device}`,
      ]);
    },
  };
}
