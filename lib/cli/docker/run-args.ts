/** The arguments of `socketplane run`, taken apart. */
export interface RunRequest {
  network?: string;
  /** The arguments for docker. */
  args: string[];
}

/**
 * Takes `-n NETWORK` (or `-nNETWORK` or `-n=NETWORK`, as docker's own short options allow) from the front. Everything from
 * the first other word on is docker's: there, `-n` may mean something to the program in the container. Returns undefined
 * where `-n` has no name.
 */
export function splitRunArgs(argv: readonly string[]): RunRequest | undefined {
  const [first = '', ...rest] = argv;
  if (!/^-n/.test(first)) return { args: [...argv] };
  const [network, args] =
    first === '-n' ? [rest[0] ?? '', rest.slice(1)] : [first.replace(/^-n=?/, ''), rest];
  if (network === '' || network.startsWith('-')) return undefined;
  return { network, args };
}

/** The arguments of `docker` for a request. */
export function dockerRunArgs({ network, args }: RunRequest): string[] {
  return ['run', ...(network === undefined ? [] : ['-e', `SP_NETWORK=${network}`]), ...args];
}
