import type { Run } from '../../os/exec.js';
import { logLine } from '../../os/detached.js';

/** A unit that systemd had to start again this often will not come up. */
const RESTARTS = 2;

/** Counts from now on; the function returned throws, with the unit's last words, as soon as one of the units keeps ending. */
export async function keepsEnding(run: Run, units: readonly string[]): Promise<() => Promise<void>> {
  async function restarts(unit: string): Promise<number> {
    const count = await run(['systemctl', 'show', '--property=NRestarts', '--value', unit]);
    return Number(count.trim()) || 0;
  }
  const before = await Promise.all(units.map(restarts));
  return async () => {
    const now = await Promise.all(units.map(restarts));
    const unit = units.find((_unit, index) => (now[index] ?? 0) - (before[index] ?? 0) >= RESTARTS);
    if (unit === undefined) return;
    const words = await run(['journalctl', '--quiet', '--lines=1', '--output=cat', `_SYSTEMD_UNIT=${unit}`]);
    throw new Error(`${unit} keeps ending: ${logLine(words.trim())}`);
  };
}
