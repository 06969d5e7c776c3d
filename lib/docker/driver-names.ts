/** Name of the network driver and of the IPAM driver that the agent is to Docker. */
export const DRIVER = 'socketplane';

/**
 * On a container's endpoint: the address in its settings was leased by us and stays the container's until it is removed.
 * Without it, the address is one that the user chose.
 */
export const ADDRESS_OPTION = 'socketplane.address';
export const KEPT = 'kept';
