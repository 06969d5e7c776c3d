/** The same in every run unless FUZZ_SEED says otherwise, so that a failure in CI can be repeated at home. */
const SEED = Number(process.env['FUZZ_SEED'] ?? 20150417);
/** FUZZ_RUNS=20 searches twenty times as long. */
const TIMES = Number(process.env['FUZZ_RUNS'] ?? 1);

export interface FuzzSettings {
  seed: number;
  numRuns: number;
  interruptAfterTimeLimit: number;
  markInterruptAsFailure: boolean;
  endOnFailure?: boolean;
}

/** For `fc.assert`: this many cases, and no more after `seconds`. A failure prints its seed and path. */
export function fuzz(runs: number, seconds: number): FuzzSettings {
  console.log(`      seed ${SEED}: FUZZ_SEED=… for another one`);
  return {
    seed: SEED,
    numRuns: runs * TIMES,
    interruptAfterTimeLimit: seconds * TIMES * 1000,
    markInterruptAsFailure: false,
  };
}

/** How long mocha has to wait for that, including shrinking. */
export function patience(seconds: number): number {
  return seconds * TIMES * 1000 + 60_000;
}
