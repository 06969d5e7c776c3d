import { START_MS } from '../../lab/lab.js';
import { messageOf } from '../../../lib/base/errors.js';
import { ALLOWED, type AllowedDifference } from './allowed-differences.js';
import type { Case } from './case.js';
import { ALL_CASES } from './cases/index.js';
import { describeDifferences, differences, notAllowed } from './compare.js';
import { BRIDGE, IS_SELF_TEST, OUR_KIND, type Kind } from './kinds.js';
import { createKit, type World } from './kit.js';
import { MOST_CASES, normalize } from './normalize.js';
import { runAhead } from './pool.js';
import { useWorld } from './world.js';

/** More only wait for each other on two processors. */
const AT_ONCE = 3;
/** A side that takes this long has failed: nothing in a case takes long. */
const SIDE_MS = 150_000;
/**
 * Docker itself loses output of a container that somebody follows: see `proxy/cli-matrix`. Cases that depend on it run
 * again, at most so many times.
 */
const MOST_LOSSES = 2;
/** Part of the names of the cases to run; empty for all. */
const ONLY = process.env['PARITY_CASE'] ?? '';

/** Prints what each case gives on Docker's bridge, for people who write cases. */
const SHOW = process.env['PARITY_SHOW'] !== undefined;

const title = ({ client, name }: Case) => `${client}: ${name}`;

interface Side {
  value: unknown;
  /** Why it gave no value. */
  failure?: string;
}

/**
 * A network of ours is to users what a bridge network of Docker's is. Each case runs on both, at the same time and on the
 * same host; all that a user sees must be equal, but for what `allowed-differences.ts` lists.
 */
describe(`networks of ${OUR_KIND.title} beside Docker's bridge`, function () {
  this.timeout(START_MS);
  const { world, environment } = useWorld();
  const used = new Set<AllowedDifference>();
  const chosen = ALL_CASES.map((given, number) => ({ given, number })).filter(({ given }) =>
    title(given).includes(ONLY),
  );
  if (ALL_CASES.length > MOST_CASES) throw new Error('there are not enough addresses for so many cases');
  const outcome = runAhead(
    chosen.map(
      ({ given, number }) =>
        () =>
          runBoth(world(), given, number),
    ),
    AT_ONCE,
  );
  let skipped = 0;

  chosen.forEach(({ given }, index) => {
    it(title(given), async function () {
      const reason = given.unless?.(environment());
      if (reason) {
        console.log(`      left out: ${reason}`);
        skipped++;
        this.skip();
      }
      const [bridge, ours] = await outcome(index);
      if (SHOW) console.log(JSON.stringify(bridge, null, 1));
      // Else what the case is to show has not been seen.
      if (bridge.failure !== undefined) throw new Error(`fails on Docker's own bridge: ${bridge.failure}`);
      if (ours.failure !== undefined) throw new Error(`fails on ours only: ${ours.failure}`);
      const found = differences(bridge.value, ours.value);
      const wrong = notAllowed(title(given), found, ALLOWED, used);
      if (wrong.length > 0) throw new Error(`not the same:\n${describeDifferences(wrong)}`);
    });
  });

  it('lists no difference that has gone', function () {
    if (IS_SELF_TEST || ONLY !== '' || skipped > 0) this.skip();
    const gone = ALLOWED.filter((entry) => !used.has(entry)).map(({ path, reason }) => `${path}: ${reason}`);
    if (gone.length > 0) throw new Error(`no longer seen, so to be taken off the list:\n${gone.join('\n')}`);
  });

  async function runBoth(on: World, given: Case, number: number): Promise<[Side, Side]> {
    // Such a case has no outcome that anybody asks for.
    if (given.unless?.(environment())) return [{ value: null }, { value: null }];
    for (let losses = given.tags.includes('follows') ? MOST_LOSSES : 0; ; losses--) {
      const sides = await Promise.all([run(on, given, number, BRIDGE), run(on, given, number, OUR_KIND)]);
      const failed = sides.some(({ failure }) => failure !== undefined);
      if (losses === 0 || (!failed && differences(sides[0].value, sides[1].value).length === 0)) return sides;
    }
  }
});

async function run(on: World, given: Case, number: number, kind: Kind): Promise<Side> {
  const kit = createKit(on, kind, number);
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error(`not done after ${SIDE_MS} ms`)), SIDE_MS).unref();
  });
  try {
    const value = await Promise.race([given.run(kit), late]);
    return { value: normalize(value, kind, number) };
  } catch (error) {
    return { value: null, failure: messageOf(error) };
  } finally {
    await kit.cleanUp();
  }
}
