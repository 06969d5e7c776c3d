/** Driver of "our" networks. Any driver of Docker's will do, to try the matrix itself. */
export const OURS = process.env['PARITY_OURS'] ?? 'socketplane';

/** One of the two sorts of network that are compared. What belongs to each has names of the same length. */
export interface Kind {
  /** First letter of all names. */
  letter: 'a' | 'b';
  title: string;
  driver: string;
  network: string;
  /** A container on the network for as long as the matrix runs, to ask from. */
  peer: string;
  /** The first two bytes of addresses on the shared network. */
  prefix: string;
  /** Second byte of subnets of networks that a case makes for itself. */
  own: number;
  /** The lowest fixed port on the host. */
  ports: number;
}

export const BRIDGE: Kind = {
  letter: 'a',
  title: "Docker's bridge",
  driver: 'bridge',
  network: 'parity-a',
  peer: 'peer-a',
  prefix: '10.201',
  own: 211,
  ports: 21_000,
};

export const OUR_KIND: Kind = {
  letter: 'b',
  title: OURS === 'bridge' ? 'another bridge' : OURS,
  driver: OURS,
  network: 'parity-b',
  peer: 'peer-b',
  prefix: '10.202',
  own: 212,
  ports: 26_000,
};

export const PORTS_PER_CASE = 16;

/** Whether the matrix compares bridge with bridge, which proves only that it is deterministic. */
export const IS_SELF_TEST = OURS === 'bridge';
