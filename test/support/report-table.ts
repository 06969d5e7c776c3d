import Table from 'cli-table3';
import { paintOn, type Output } from '../../lib/cli/terminal/style.js';

/**
 * A table for a report: with lines, and with a dim head where somebody sees it. The colours of cli-table3 itself are left out,
 * as it decides about them by the environment alone.
 */
export function reportTable(
  head: string[],
  output: Output = process.stdout,
  env: NodeJS.ProcessEnv = process.env,
) {
  const paint = paintOn(output, env);
  return new Table({ head: head.map((cell) => paint('dim', cell)), style: { head: [], border: [] } });
}
