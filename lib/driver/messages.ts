import { z } from 'zod';

/**
 * What Docker's daemon sends to a network driver and to an IPAM driver, as far as it is used here: protocol 1.2, the same in
 * Docker 20.10 to 29. Docker adds fields from version to version; those not named here are ignored.
 */

/** Driver options (`-o`), which Docker passes on below this name. */
export const GENERIC = 'com.docker.network.generic';
export const INTERNAL = 'com.docker.network.internal';
export const ENABLE_IPV6 = 'com.docker.network.enable_ipv6';
export const PORT_MAP = 'com.docker.network.portmap';
/** In `RequestAddress`: what the address is for. */
export const ADDRESS_TYPE = 'RequestAddressType';
export const GATEWAY = 'com.docker.network.gateway';

const options = z.record(z.string(), z.unknown()).nullish();
const id = z.string().min(1);
const text = z.string().nullish();

const ipv4Data = z.object({
  AddressSpace: text,
  Pool: z.string(),
  Gateway: text,
  AuxAddresses: z.record(z.string(), z.string()).nullish(),
});

export const createNetworkBody = z.object({
  NetworkID: id,
  Options: options,
  IPv4Data: z.array(ipv4Data).nullish(),
  IPv6Data: z.array(z.unknown()).nullish(),
});
export type CreateNetwork = z.infer<typeof createNetworkBody>;

export const deleteNetworkBody = z.object({ NetworkID: id });

export const createEndpointBody = z.object({
  NetworkID: id,
  EndpointID: id,
  /** Addresses carry the prefix length of their subnet. */
  Interface: z.object({ Address: text, AddressIPv6: text, MacAddress: text }).nullish(),
  Options: options,
});

export const joinBody = z.object({ NetworkID: id, EndpointID: id, SandboxKey: text, Options: options });
/** Leave and DeleteEndpoint. */
export const onEndpointBody = z.object({ NetworkID: id, EndpointID: id });

export const requestPoolBody = z.object({
  AddressSpace: text,
  /** CIDR, empty when Docker leaves the choice to the driver. */
  Pool: text,
  SubPool: text,
  Options: options,
  V6: z.boolean().nullish(),
});
export const releasePoolBody = z.object({ PoolID: id });
export const requestAddressBody = z.object({ PoolID: id, Address: text, Options: options });
export const releaseAddressBody = z.object({ PoolID: id, Address: z.string() });

export type CreateEndpoint = z.infer<typeof createEndpointBody>;
export type Join = z.infer<typeof joinBody>;
export type OnEndpoint = z.infer<typeof onEndpointBody>;
export type RequestPool = z.infer<typeof requestPoolBody>;
export type RequestAddress = z.infer<typeof requestAddressBody>;
export type ReleaseAddress = z.infer<typeof releaseAddressBody>;
