import { expect } from 'chai';
import { passed } from '../../../../lib/proxy/http/minor-gc.js';

const CHUNK = 65_536;
const MIB = 2 ** 20;

describe('buffers of what has passed', () => {
  it('do not pile up until V8 looks after them', () => {
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    for (let bytes = 0; bytes < 256 * MIB; bytes += CHUNK) {
      passed(Buffer.allocUnsafeSlow(CHUNK).length);
      most = Math.max(most, process.memoryUsage().arrayBuffers);
    }
    // V8 by itself lets 32 MiB be; helper threads may be one collection behind.
    expect((most - before) / MIB).to.be.lessThan(24);
  });
});
