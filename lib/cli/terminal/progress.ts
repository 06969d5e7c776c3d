import type { Output } from './style.js';

/** Writes a line that stays, also while work goes on whose line does not. */
export function tellOn(output: Output): (line: string) => void {
  return (line) => void output.write(`${output.isTTY === true ? WIPE : ''}${line}\n`);
}

/** Work that takes less is not mentioned. */
const QUIET_MS = 1_000;
const TICK_MS = 1_000;
/** Back to the beginning of the line, and clear it. */
const WIPE = '\r\u001b[K';

/** Does the work, and shows the person waiting what is going on and for how long. */
export type Progress = <T>(what: string, work: () => Promise<T>) => Promise<T>;

/**
 * Shows one line that is rewritten while the work goes on and cleared when it has ended; shows nothing where `output` is not
 * a terminal.
 *
 * @param output standard error, so that what a command prints stays clean
 */
export function progressOn(output: Output, env: NodeJS.ProcessEnv): Progress {
  if (output.isTTY !== true || env['TERM'] === 'dumb') return (_what, work) => work();
  return async (what, work) => {
    const began = performance.now();
    let shown = false;
    const show = () => {
      shown = true;
      output.write(`${WIPE}${what} … ${Math.round((performance.now() - began) / 1000)} s`);
    };
    let ticks: NodeJS.Timeout | undefined;
    const first = setTimeout(() => {
      show();
      ticks = setInterval(show, TICK_MS);
    }, QUIET_MS);
    try {
      return await work();
    } finally {
      clearTimeout(first);
      clearInterval(ticks);
      if (shown) output.write(WIPE);
    }
  };
}
