import { existsSync } from 'node:fs';
import type { Run } from '../../os/exec.js';
import { succeeds } from '../../base/succeeds.js';

/** systemd has limits of its own; this is for units that wait for one another on a slow machine. */
export const UNIT_MS = 300_000;

export interface Systemd {
  /** Whether systemd is this machine's init. */
  readonly booted: boolean;
  /** Whether there are units of these names. */
  has(...units: string[]): Promise<boolean>;
  /** Resolves when systemd is done. */
  do(verb: 'start' | 'stop' | 'restart', ...units: string[]): Promise<void>;
}

export function createSystemd(run: Run, booted = existsSync('/run/systemd/system')): Systemd {
  return {
    booted,
    async has(...units) {
      if (!booted) return false;
      return succeeds(run(['systemctl', 'cat', ...units]));
    },
    async do(verb, ...units) {
      await run(['systemctl', verb, ...units], { timeout: UNIT_MS });
    },
  };
}
