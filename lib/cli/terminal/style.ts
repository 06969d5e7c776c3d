import { styleText } from 'node:util';

/** What the process writes to; `isTTY` where that is a terminal. */
export interface Output {
  write(text: string): unknown;
  isTTY?: boolean;
}

export type Colour = 'green' | 'yellow' | 'red' | 'dim';
export type Paint = (colour: Colour, text: string) => string;

/**
 * Colours where somebody sees them: on a terminal that has them, unless NO_COLOR (https://no-color.org) or `--no-color`
 * says otherwise.
 */
export function paintOn(output: Output, env: NodeJS.ProcessEnv, wanted = true): Paint {
  const colours = wanted && output.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  return (colour, text) => (colours ? styleText(colour, text, { validateStream: false }) : text);
}
