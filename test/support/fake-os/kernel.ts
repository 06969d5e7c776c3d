import { CommandError, type Run } from '../../../lib/os/exec.js';

interface Device {
  name: string;
  /** Path of its namespace, `HOST` for the host's own. */
  netns: string;
  mac: string;
  mtu: number;
  up: boolean;
  arp: boolean;
  checksums: 'hardware' | 'software';
  addresses: string[];
  peer?: Device;
}

export const HOST = '';

/** What a command of the fake prints when it fails. */
class Failure extends Error {}

/**
 * The kernel's network, as state that `ip`, `ethtool` and `nsenter` change and {@link FakeKernel.show} prints. It knows as
 * much of their grammar as the product uses, and fails with the real tools' messages.
 */
export interface FakeKernel {
  run: Run;
  addNetns(path: string): void;
  /** Ends the namespace, and everything in it. */
  endNetns(path: string): void;
  /** Adds a device that is not half of a link, like those that Open vSwitch makes. */
  addDevice(name: string): void;
  /** One line for each device and for the default route of a namespace. */
  show(netns?: string): string[];
}

export function createFakeKernel(): FakeKernel {
  const devices: Device[] = [];
  /** Namespaces, and the default route of each. */
  const routes = new Map<string, { via: string; dev: string } | undefined>([[HOST, undefined]]);
  let made = 0;

  function find(name: string, netns: string): Device {
    const device = devices.find((one) => one.name === name && one.netns === netns);
    if (!device) throw new Failure(`Cannot find device "${name}"`);
    return device;
  }

  function add(name: string, netns = HOST): Device {
    if (devices.some((one) => one.name === name && one.netns === netns)) {
      throw new Failure('RTNETLINK answers: File exists');
    }
    const mac = `aa:00:00:00:00:${(++made).toString(16).padStart(2, '0')}`;
    const checksums = 'hardware' as const;
    const device: Device = { name, netns, mac, mtu: 1500, up: false, arp: true, checksums, addresses: [] };
    devices.push(device);
    return device;
  }

  function remove(device: Device): void {
    devices.splice(devices.indexOf(device), 1);
    const route = routes.get(device.netns);
    if (route?.dev === device.name) routes.set(device.netns, undefined);
    if (device.peer && devices.includes(device.peer)) remove(device.peer);
  }

  /** Settings of a link, in any order. */
  function set(device: Device, words: string[]): void {
    const rest = [...words];
    const value = () => rest.shift() ?? '';
    for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
      if (word === 'up') device.up = true;
      else if (word === 'mtu') device.mtu = Number(value());
      else if (word === 'address') device.mac = value();
      else if (word === 'arp') device.arp = value() === 'on';
      else if (word === 'name') device.name = value();
      else if (word === 'addrgenmode') value();
      else if (word === 'netns') {
        const netns = value();
        if (!routes.has(netns))
          throw new Failure(`Error: argument "${netns}" is wrong: Invalid "netns" value`);
        Object.assign(device, { netns, up: false, addresses: [] });
      } else throw new Error(`the fake does not know: ip link set … ${word}`);
    }
  }

  function addPair([name = '', ...words]: string[]): void {
    const at = words.indexOf('type');
    const [, kind, , , peerName = '', ...peerWords] = words.slice(at);
    if (kind !== 'veth') throw new Error(`the fake does not know: ip link add type ${kind}`);
    const device = add(name);
    const peer = add(peerName);
    Object.assign(device, { peer });
    Object.assign(peer, { peer: device });
    set(device, words.slice(0, at));
    set(peer, peerWords);
  }

  function ip(words: string[], netns: string): string {
    const line = words.filter((word) => word !== '-4').join(' ');
    const isJson = line.startsWith('-json ');
    const [object, verb, ...rest] = line.replace('-json ', '').split(' ');
    const named = (flag: string) => rest[rest.indexOf(flag) + 1] ?? '';
    switch (`${object} ${verb}`) {
      case 'link add':
        addPair(rest);
        return '';
      case 'link set':
        set(find(rest[0] ?? '', netns), rest.slice(1));
        return '';
      case 'link delete':
        remove(find(rest[0] ?? '', netns));
        return '';
      case 'address replace': {
        const device = find(named('dev'), netns);
        device.addresses = [...new Set([...device.addresses, rest[0] ?? ''])];
        return '';
      }
      case 'route replace': {
        const device = find(named('dev'), netns);
        if (!device.up) throw new Failure('Error: Nexthop device is not up.');
        if (device.addresses.length === 0) throw new Failure('Error: Nexthop has invalid gateway.');
        routes.set(netns, { via: named('via'), dev: device.name });
        return '';
      }
      case 'address show': {
        const { mac, up, addresses } = find(named('dev'), netns);
        const addrInfo = addresses.map((address) => {
          const [local, prefixlen] = address.split('/');
          return { family: 'inet', local, prefixlen: Number(prefixlen) };
        });
        return JSON.stringify([{ address: mac, flags: up ? ['UP'] : [], addr_info: addrInfo }]);
      }
      case 'route show': {
        const route = routes.get(netns);
        return JSON.stringify(route ? [{ dst: 'default', gateway: route.via, dev: route.dev }] : []);
      }
      default:
        throw new Error(`the fake does not know: ip ${isJson ? '-json ' : ''}${line}`);
    }
  }

  function execute([command, ...args]: readonly string[], input: string, netns = HOST): string {
    if (command === 'nsenter') {
      const path = (args[0] ?? '').replace('--net=', '');
      if (!routes.has(path)) throw new Failure(`nsenter: cannot open ${path}: No such file or directory`);
      return execute(args.slice(1), input, path);
    }
    if (command === 'ethtool') {
      const [, name = '', , value] = args;
      find(name, netns).checksums = value === 'off' ? 'software' : 'hardware';
      return '';
    }
    if (command !== 'ip') throw new Error(`the fake does not know: ${command}`);
    if (args[0] !== '-batch') return ip(args, netns);
    return input
      .trim()
      .split('\n')
      .map((line) => ip(line.split(' '), netns))
      .join('');
  }

  return {
    async run(argv, { input = '' } = {}) {
      try {
        return execute(argv, input);
      } catch (error) {
        if (error instanceof Failure) throw new CommandError(argv, 1, error.message, undefined, error);
        throw error;
      }
    },
    addNetns: (path) => void routes.set(path, undefined),
    endNetns(path) {
      for (const device of devices.filter(({ netns }) => netns === path)) remove(device);
      routes.delete(path);
    },
    addDevice: (name) => void add(name),
    show(netns = HOST) {
      const route = routes.get(netns);
      const lines = devices
        .filter((device) => device.netns === netns)
        .map(({ name, up, mtu, arp, mac, checksums, addresses, peer }) =>
          [
            `${name}: ${up ? 'up' : 'down'} mtu ${mtu} mac ${mac}`,
            ...(arp ? [] : ['noarp']),
            ...(checksums === 'software' ? ['software checksums'] : []),
            ...addresses,
            ...(peer ? [`peer ${peer.name}`] : []),
          ].join(' '),
        );
      return [...lines.sort(), ...(route ? [`default via ${route.via} dev ${route.dev}`] : [])];
    },
  };
}
