import { messageOf } from '../base/errors.js';
import type { Check, Finding } from './check.js';

export interface Diagnosis extends Finding {
  check: string;
}

/** Runs all checks in order, one at a time, because several of them ask the same daemons. */
export async function examine(checks: readonly Check[]): Promise<Diagnosis[]> {
  const found: Diagnosis[] = [];
  for (const { name, needs, inspect } of checks) {
    if (found.some(({ check, level }) => check === needs && ['problem', 'skipped'].includes(level))) {
      found.push({ check: name, level: 'skipped', message: `needs the ${needs}` });
      continue;
    }
    const findings = await inspect().catch((error: unknown): Finding[] => [
      { level: 'skipped', message: `cannot be looked at: ${messageOf(error)}` },
    ]);
    found.push(...findings.map((finding) => ({ check: name, ...finding })));
  }
  return found;
}

/** Fixes what can be fixed, and returns the reason for each finding that could not be. */
export async function applyFixes(found: readonly Diagnosis[]): Promise<string[]> {
  const failures: string[] = [];
  for (const { check, fix } of found) {
    await fix?.().catch((error: unknown) => failures.push(`${check}: ${messageOf(error)}`));
  }
  return failures;
}
