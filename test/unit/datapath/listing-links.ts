import type { Run } from '../../../lib/os/exec.js';
import type { FakeKernel } from '../../support/fake-os/kernel.js';

/** The commands of a fake kernel, and the one that lists its links. */
export function listingLinks(kernel: FakeKernel): Run {
  return async (argv, options) => {
    if (argv.join(' ') !== 'ip -json link show type veth') return kernel.run(argv, options);
    return JSON.stringify(kernel.show().map((line) => ({ ifname: line.split(':')[0] })));
  };
}
