/** What a lease says of its owner. */
export interface Grant {
  /** Full id of the container, once there is one: an address may be leased before Docker makes the container. */
  container?: string;
  /** Docker's id of the endpoint that has the address; absent while none has it. */
  endpoint?: string;
  /** Whether the address stays the container's until that is removed; otherwise it is the endpoint's. */
  kept: boolean;
  /** Chosen by the user, lower case and colon-separated; otherwise the MAC follows from the address, see `macOf`. */
  mac?: string;
  /** Names by which others on the network find the container; its own name first. */
  names: string[];
  /** Whether an endpoint has the address, or is about to: other hosts send packets to it. */
  up: boolean;
}

/** What something that holds a grant, such as a lease, says of its owner, and nothing else that it holds. */
export function grantOf({ container, endpoint, kept, mac, names, up }: Grant): Grant {
  return {
    ...(container !== undefined && { container }),
    ...(endpoint !== undefined && { endpoint }),
    kept,
    ...(mac !== undefined && { mac }),
    names,
    up,
  };
}

/** Whether two grants say the same. */
export function isSameGrant(a: Grant, b: Grant): boolean {
  return (
    a.container === b.container &&
    a.endpoint === b.endpoint &&
    a.kept === b.kept &&
    a.mac === b.mac &&
    a.up === b.up &&
    a.names.length === b.names.length &&
    a.names.every((name, at) => name === b.names[at])
  );
}
