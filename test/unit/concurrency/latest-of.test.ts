import { setImmediate as turn } from 'node:timers/promises';
import { expect } from 'chai';
import { messageOf } from '../../../lib/base/errors.js';
import { latestOf } from '../../../lib/concurrency/latest-of.js';

async function* each(...values: (number | Error)[]): AsyncGenerator<number> {
  for (const value of values) {
    await turn();
    if (value instanceof Error) throw value;
    yield value;
  }
}

async function all(sources: AsyncIterable<number>[]): Promise<number[][]> {
  const found: number[][] = [];
  for await (const values of latestOf(sources)) found.push(values);
  return found;
}

describe('the latest of several sources', () => {
  it('is told once each of them has something, and in the end is what each had last', async () => {
    const found = await all([each(1, 2, 3), each(7)]);
    expect(found.every((values) => values.length === 2)).to.equal(true);
    expect(found.at(-1)).to.deep.equal([3, 7]);
    expect(await all([each(1), each()]), 'one has nothing').to.deep.equal([]);
  });

  it('fails when one of them does', async () => {
    expect(await all([each(1, 2), each(new Error('gone'))]).catch(messageOf)).to.equal('gone');
  });
});
