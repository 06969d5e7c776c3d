import { TEST_MS } from './expect.js';
import type { Machine } from './lab/machine.js';
import { bringTo } from './states.js';
import { comesBack } from './suites.js';

describe('a cluster installed natively', function () {
  this.timeout(TEST_MS);
  let both: [Machine, Machine];
  before(async () => void (both = await bringTo('native')));
  comesBack(() => both);
});
