import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** Chance that can be had again: the same seed and stream give the same throws. */
export interface Dice {
  /** A whole number, both ends included. */
  between(from: number, to: number): number;
  pick<T>(items: readonly T[]): T;
  /** Picks by weight. */
  weighted<T>(items: readonly (readonly [weight: number, item: T])[]): T;
}

/** Knuth's multiplicative hash: neighbouring streams have nothing in common. */
const SPREAD = 0x9e3779b1;

/** @param stream each worker has its own, so that its throws do not depend on how fast the others are */
export function createDice(seed: number, stream: number): Dice {
  const generator = xoroshiro128plus(seed ^ Math.imul(stream + 1, SPREAD));
  const between = (from: number, to: number) => uniformInt(generator, from, to);
  return {
    between,
    pick: (items) => items[between(0, items.length - 1)]!,
    weighted(items) {
      let left = between(
        1,
        items.reduce((sum, [weight]) => sum + weight, 0),
      );
      return items.find(([weight]) => (left -= weight) <= 0)![1];
    },
  };
}
