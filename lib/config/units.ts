import { z } from 'zod';

const BYTES = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 } as const;
const MILLISECONDS = { ms: 1, s: 1_000, m: 60_000 } as const;

/** The longest time that a timer accepts; a longer one would fire at once. */
const LONGEST = 2 ** 31 - 1;

/** `8MiB` as a number of bytes. */
export const size = quantity(BYTES, 'expected a size such as 512KiB or 8MiB');

/** `2s` as milliseconds. */
export const duration = quantity(
  MILLISECONDS,
  'expected a time such as 500ms, 2s or 1m, of 24 days at most',
  LONGEST,
);

function quantity(units: Record<string, number>, expected: string, most = Infinity) {
  const shape = new RegExp(`^(\\d{1,9})(${Object.keys(units).join('|')})$`);
  return z.string(expected).transform((text, context) => {
    const [, count, unit] = shape.exec(text) ?? [];
    const value = Number(count) * (units[unit ?? ''] ?? NaN);
    if (value > 0 && value <= most) return value;
    context.addIssue({ code: 'custom', message: expected });
    return z.NEVER;
  });
}
