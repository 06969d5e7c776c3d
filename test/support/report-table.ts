import Table from 'cli-table3';
import { hasColours, type Output } from '../../lib/cli/terminal/style.js';

/** A table for a report: with lines, and with colours only where they can be seen. */
export function reportTable(
  head: string[],
  output: Output = process.stdout,
  env: NodeJS.ProcessEnv = process.env,
) {
  return new Table({ head, ...(!hasColours(output, env) && { style: { head: [], border: [] } }) });
}
