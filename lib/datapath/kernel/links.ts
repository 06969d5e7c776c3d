import { writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { AppError, ignoreMissing } from '../../base/errors.js';
import { CommandError, type Run } from '../../os/exec.js';
import type { Endpoint, Network } from '../../base/model.js';
import { shortId } from '../../base/short-id.js';
import { gatewayMac } from '../flows/tables.js';
import { gatewayName, peerName } from '../device-names.js';

const routeList = z.array(z.object({ gateway: z.string().optional() }));
const addressList = z.array(
  z.object({
    address: z.string().optional(),
    flags: z.array(z.string()).default([]),
    addr_info: z
      .array(z.object({ family: z.string(), local: z.string(), prefixlen: z.number() }))
      .default([]),
  }),
);

/** Links, addresses and routes, managed with `ip`. */
export interface Links {
  /** Makes a link pair on the host; replaces an older one of the same name. */
  create(port: string, endpoint: Endpoint, mtu: number): Promise<void>;
  remove(port: string): Promise<void>;
  /** Moves the container's end into its namespace, unless it is there already, and configures it. */
  configure(port: string, endpoint: Endpoint, mtu: number, netns: string): Promise<void>;
  isConfigured(endpoint: Endpoint, netns: string): Promise<boolean>;
  /** Sets the address and MAC of a gateway's device. */
  configureGateway(network: Network): Promise<void>;
}

/** @param softwareChecksums true where no hardware behind the link completes checksums, as in the userspace datapath */
export function createLinks(run: Run, softwareChecksums: () => boolean): Links {
  const batch = (lines: string[]) => run(['ip', '-batch', '-'], { input: `${lines.join('\n')}\n` });
  const inside = (netns: string, ...argv: string[]) =>
    ['nsenter', `--net=${netns}`, ...argv] as [string, ...string[]];

  async function create(port: string, endpoint: Endpoint, mtu: number): Promise<void> {
    const peer = peerName(port);
    await batch([
      `link add ${port} mtu ${mtu} type veth peer name ${peer} mtu ${mtu} address ${endpoint.mac}`,
      // The host's own stack must not use this device: its frames belong to Open vSwitch.
      `link set ${port} arp off addrgenmode none up`,
    ]);
    await Promise.all([
      // A host without IPv6 has nothing to switch off.
      writeFile(`/proc/sys/net/ipv6/conf/${port}/disable_ipv6`, '1').catch(ignoreMissing),
      softwareChecksums() ? run(['ethtool', '-K', peer, 'tx', 'off']) : undefined,
    ]);
  }

  async function remove(port: string): Promise<void> {
    try {
      await run(['ip', 'link', 'delete', port]);
    } catch (error) {
      if (!(error instanceof CommandError && /Cannot find device/.test(error.output))) throw error;
    }
  }

  return {
    async create(port, endpoint, mtu) {
      try {
        await create(port, endpoint, mtu);
      } catch (error) {
        if (!(error instanceof CommandError && /File exists/.test(error.output))) throw error;
        await remove(port);
        await create(port, endpoint, mtu);
      }
    },
    remove,
    async configure(port, endpoint, mtu, netns) {
      await run(['ip', 'link', 'set', peerName(port), 'netns', netns, 'name', 'eth0']).catch(
        async (error: unknown) => {
          if (!(error instanceof CommandError)) throw error;
          if (/No such file|Invalid "netns"/.test(error.output)) throw gone(endpoint, error);
          // The device is not on the host, so it was probably moved already; the next command shows whether it was.
          if (!/Cannot find device/.test(error.output)) throw error;
        },
      );
      const prefix = endpoint.network.subnet.split('/')[1];
      const lines = [
        `address replace ${endpoint.ip}/${prefix} dev eth0`,
        `link set eth0 mtu ${mtu} up`,
        `route replace default via ${endpoint.network.gateway} dev eth0`,
      ];
      try {
        await run(inside(netns, 'ip', '-batch', '-'), { input: `${lines.join('\n')}\n` });
      } catch (error) {
        const missing = error instanceof CommandError && /No such file/.test(error.output);
        throw missing ? gone(endpoint, error) : error;
      }
    },
    async isConfigured({ ip, mac, network }, netns) {
      const show = (...argv: string[]) => run(inside(netns, 'ip', '-json', ...argv)).catch(() => '[]');
      const [addresses, routes] = await Promise.all([
        show('address', 'show', 'dev', 'eth0'),
        show('-4', 'route', 'show', 'default'),
      ]);
      const [device] = addressList.parse(JSON.parse(addresses || '[]'));
      const [route] = routeList.parse(JSON.parse(routes || '[]'));
      return (
        device?.address === mac &&
        device.flags.includes('UP') &&
        device.addr_info.some(
          ({ local, prefixlen }) => `${local}/${prefixlen}` === `${ip}/${network.subnet.split('/')[1]}`,
        ) &&
        route?.gateway === network.gateway
      );
    },
    async configureGateway(network) {
      const device = gatewayName(network);
      const prefix = network.subnet.split('/')[1];
      await batch([
        `link set ${device} address ${gatewayMac(network.vni)} addrgenmode none up`,
        `address replace ${network.gateway}/${prefix} dev ${device}`,
      ]);
    },
  };
}

function gone(endpoint: Endpoint, cause: unknown): AppError {
  return new AppError('notFound', `container ${shortId(endpoint.container)} does not run any more`, {
    cause,
  });
}
