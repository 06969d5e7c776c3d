import { endpointOfMode, type CreateBody } from './select-network.js';

/** One line for each option of a create call that has no effect on a SocketPlane network. */
export function warningsFor(body: CreateBody, network: string): string[] {
  const host = body.HostConfig ?? {};
  const endpoint = endpointOfMode(body) ?? {};
  const mode = host.NetworkMode ?? '';
  const others = Object.keys(body.NetworkingConfig?.EndpointsConfig ?? {}).filter(
    (name) => name !== network && name !== mode && name !== 'default',
  );
  const ineffective: [string, boolean][] = [
    ['published ports (-p, -P)', hasKeys(host.PortBindings) || host.PublishAllPorts === true],
    ['links (--link)', hasItems(host.Links) || hasItems(endpoint.Links)],
    ['a chosen MAC address (--mac-address)', Boolean(body.MacAddress) || Boolean(endpoint.MacAddress)],
    ['an IPv6 address (--ip6)', Boolean(endpoint.IPAMConfig?.IPv6Address)],
    ['link-local addresses (--link-local-ip)', hasItems(endpoint.IPAMConfig?.LinkLocalIPs)],
    ['driver options (driver-opt)', hasKeys(endpoint.DriverOpts)],
    [`further networks (${others.join(', ')})`, others.length > 0],
  ];
  return ineffective
    .filter(([, given]) => given)
    .map(([option]) => `SocketPlane network ${network} ignores ${option}`);
}

function hasKeys(record: Record<string, unknown> | null | undefined): boolean {
  return Object.keys(record ?? {}).length > 0;
}

function hasItems(list: unknown[] | null | undefined): boolean {
  return (list ?? []).length > 0;
}
