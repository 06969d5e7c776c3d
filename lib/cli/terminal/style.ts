import { styleText } from 'node:util';

/** What the process writes to. `isTTY` is set where that is a terminal. */
export interface Output {
  write(text: string): unknown;
  isTTY?: boolean;
}

export type Colour = 'green' | 'yellow' | 'red' | 'dim';
export type Paint = (colour: Colour, text: string) => string;

/** Whether colours can be seen: on a terminal that has them, unless NO_COLOR (https://no-color.org) is set. */
function hasColours(output: Output, env: NodeJS.ProcessEnv): boolean {
  return output.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
}

/** Adds colours where they can be seen, unless `--no-color` was given. */
export function paintOn(output: Output, env: NodeJS.ProcessEnv, wanted = true): Paint {
  const colours = wanted && hasColours(output, env);
  return (colour, text) => (colours ? styleText(colour, text, { validateStream: false }) : text);
}
