import { createInterface } from 'node:readline/promises';
import { AppError } from '../../base/errors.js';

export interface Question {
  text: string;
  /** What Enter alone means. Without it, the question is asked again. */
  enter?: boolean;
  /** What to type instead where there is no terminal. */
  instead: string;
}

/**
 * Asks the person at the terminal until the answer is yes or no.
 *
 * @throws AppError `invalid` where there is no terminal, or where the answer is Ctrl-C or Ctrl-D
 */
export async function askYesNo({ text, enter, instead }: Question): Promise<boolean> {
  if (!process.stdin.isTTY) {
    throw new AppError('invalid', `there is no terminal to ask on: use ${instead}`);
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  // An open question does not keep the process alive: without this it would simply end.
  const left = new AbortController();
  terminal.once('close', () => left.abort());
  terminal.once('SIGINT', () => terminal.close());
  const choice = enter === undefined ? '[y/n]' : enter ? '[Y/n]' : '[y/N]';
  try {
    for (;;) {
      const answer = (await terminal.question(`${text} ${choice} `, { signal: left.signal })).trim();
      if (/^y(es)?$/i.test(answer)) return true;
      if (/^no?$/i.test(answer)) return false;
      if (answer === '' && enter !== undefined) return enter;
    }
  } catch (cause) {
    // The cursor is still on the line of the question.
    process.stdout.write('\n');
    throw new AppError('invalid', 'no answer: nothing was done', { cause });
  } finally {
    terminal.close();
  }
}
