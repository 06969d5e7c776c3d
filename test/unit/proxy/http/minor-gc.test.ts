import { execFileSync } from 'node:child_process';
import { expect } from 'chai';
import { enableMinorGc, passed } from '../../../../lib/proxy/http/minor-gc.js';

const CHUNK = 65_536;
const MIB = 2 ** 20;
const LIB = new URL('../../../../lib/', import.meta.url);

describe('buffers of what has passed', () => {
  it('do not pile up until V8 collects them', () => {
    enableMinorGc();
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

/** Whether V8 was told to expose its collector, in a process of its own that runs `code`. */
function exposesGc(code: string): boolean {
  const program = `${code}; console.log((await import('node:vm')).runInNewContext('typeof gc'));`;
  const argv = ['--import', 'tsx', '--input-type=module', '--eval', program];
  return execFileSync(process.execPath, argv, { encoding: 'utf8' }).trim() === 'function';
}

describe("V8's flags", () => {
  it("are the program's to set: importing the proxy or the adapters' test kit does not", function () {
    this.timeout(30_000);
    expect(
      exposesGc(`await import('${LIB.href}proxy/proxy.ts'); await import('${LIB.href}adapter/testing.ts')`),
    ).to.equal(false);
  });

  it('are set when a program asks for collections', function () {
    this.timeout(30_000);
    const file = `${LIB.href}proxy/http/minor-gc.ts`;
    expect(exposesGc(`(await import('${file}')).enableMinorGc()`)).to.equal(true);
  });
});
