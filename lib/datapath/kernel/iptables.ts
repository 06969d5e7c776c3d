import { CommandError, type Run } from '../../os/exec.js';

/**
 * The kernel has two sets of rules, and a program for each: what one accepts, the other may still drop. `iptables` is one of the
 * two; where there are no two, it is all there is.
 */
export type Backend = 'iptables' | 'iptables-nft' | 'iptables-legacy';

/** A set of rules. All calls throw CommandError. */
export interface Iptables {
  readonly backend: Backend;
  run(...args: string[]): Promise<string>;
  /** @param rules as `iptables-restore --noflush` takes them */
  restore(rules: string): Promise<void>;
  /** All rules of all tables, or of one. */
  save(table?: string): Promise<string>;
}

/** Another program may be changing rules: seconds to wait for it. */
const WAIT = '--wait=5';
/** Docker has chains with this in their names. */
const DOCKER = ':DOCKER';

export function iptablesOf(run: Run, backend: Backend): Iptables {
  return {
    backend,
    run: (...args) => run([backend, WAIT, ...args]),
    async restore(rules) {
      await run([`${backend}-restore`, '--noflush', WAIT], { input: rules });
    },
    save: (table) => run([`${backend}-save`, ...(table === undefined ? [] : ['-t', table])]),
  };
}

/** The tables of the legacy set that anybody has used; asking its program would make them. */
const legacyTables = (run: Run) => run(['cat', '/proc/net/ip_tables_names']).catch(() => '');

/** The sets that there may be rules in, besides the one that `iptables` means. */
export async function backends(run: Run): Promise<Backend[]> {
  const version = await run(['iptables', '-V']).catch(() => '');
  if (!/\((nf_tables|legacy)\)/.test(version)) return ['iptables'];
  const usual = version.includes('(legacy)') ? 'iptables-legacy' : 'iptables-nft';
  const other = usual === 'iptables-nft' ? 'iptables-legacy' : 'iptables-nft';
  if (other === 'iptables-legacy' && (await legacyTables(run)).trim() === '') return [usual];
  return (await exists(run, other)) ? [usual, other] : [usual];
}

async function exists(run: Run, backend: Backend): Promise<boolean> {
  return run([backend, '-V']).then(
    () => true,
    (error: unknown) => {
      if (error instanceof CommandError) return false;
      throw error;
    },
  );
}

/** The set that Docker's rules are in, whose policy would drop what ours accept; the usual one where there are none. */
export async function chooseBackend(run: Run): Promise<Backend> {
  const [usual = 'iptables', other] = await backends(run);
  if (other === undefined) return usual;
  const isUsed = async (backend: Backend) =>
    (
      await iptablesOf(run, backend)
        .save('filter')
        .catch(() => '')
    ).includes(DOCKER);
  return !(await isUsed(usual)) && (await isUsed(other)) ? other : usual;
}
