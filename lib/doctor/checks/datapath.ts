import { ok, type Check } from '../check.js';

/** Whether Open vSwitch carries packets as well as this kernel allows. */
export function datapathCheck(options: {
  /** What the settings ask for. */
  wanted: () => Promise<'auto' | 'kernel' | 'userspace'>;
  used: () => Promise<string>;
  hasKernel: () => Promise<boolean>;
}): Check {
  return {
    name: 'datapath',
    async inspect() {
      const [wanted, used, hasKernel] = await Promise.all([
        options.wanted(),
        options.used(),
        options.hasKernel(),
      ]);
      if (used === 'kernel' && !hasKernel) {
        return [
          {
            level: 'problem',
            message: 'is that of the kernel, whose module openvswitch is not loaded: no packet is carried',
            advice: 'modprobe openvswitch, then `socketplane agent restart`',
          },
        ];
      }
      if (used === 'userspace' && wanted !== 'userspace' && hasKernel) {
        return [
          {
            level: 'warning',
            message: 'is userspace, which is slow, although the kernel has the module openvswitch',
            advice: '`socketplane agent restart` makes use of it',
          },
        ];
      }
      return [ok(`is ${used}`)];
    },
  };
}
