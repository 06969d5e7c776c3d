import { normalize } from 'node:path/posix';
import { z } from 'zod';

const toggle = z.enum(['deny', 'allow'], 'expected deny or allow').default('deny');
const names = z.array(z.string('expected a name').min(1, 'expected a name'));

const DEVICE = 'expected the full path of a device such as /dev/fuse';
const device = z.string(DEVICE).refine(isPlainPath, DEVICE);

/** A host path that may be mounted: alone or with everything below it, writable or read-only. */
export interface Place {
  path: string;
  below: boolean;
  readonly: boolean;
}

const PLACE =
  'expected a full path without . and .., with /** at its end for all below it, with :ro for read-only';
const place = z
  .string(PLACE)
  .transform((text): Place => {
    const path = text.replace(/:ro$/, '');
    const alone = path === '/**' ? '/' : path.replace(/\/\*\*$/, '');
    return { path: alone, below: alone !== path, readonly: path !== text };
  })
  .refine(({ path }) => isPlainPath(path), PLACE);

const CAPABILITY = 'expected a capability such as NET_ADMIN';
const capability = z
  .string(CAPABILITY)
  .regex(/^[A-Z_]+$/, CAPABILITY)
  .transform(withoutCap);

/** The rules file. Anything it leaves out is denied. */
export const policyRules = z.strictObject({
  /** UIDs of users on this host whose calls are not checked. */
  'exempt-uids': z.array(z.int('expected the number of a user').min(0)).default([]),
  privileged: toggle,
  'host-network': toggle,
  'host-pid': toggle,
  'host-ipc': toggle,
  'host-uts': toggle,
  'host-userns': toggle,
  'host-cgroup': toggle,
  /** /proc and /sys without their masks. */
  'system-paths': toggle,
  /** GPUs and other devices that a driver provides. */
  'device-requests': toggle,
  'exec-privileged': toggle,
  update: toggle,
  plugins: toggle,
  swarm: toggle,
  /** Capabilities that may be added to those that Docker gives every container. */
  capabilities: z.array(capability).default([]),
  'security-opt': names.default(['no-new-privileges', 'no-new-privileges=true']),
  devices: z.array(device).default([]),
  runtimes: names.default(['runc', 'io.containerd.runc.v2']),
  mounts: z.array(place).default([]),
  'volume-drivers': names.default(['local']),
  /** File systems that a volume of the driver `local` may mount. */
  'volume-types': names.default(['tmpfs']),
  images: z.enum(['any', 'tag', 'digest'], 'expected any, tag or digest').default('tag'),
});
export type Rules = z.infer<typeof policyRules>;

/** One thing that a call asks for and a rule denies. */
export interface Violation {
  rule: Exclude<keyof Rules, 'exempt-uids'>;
  /** What is wrong, and what to do. */
  message: string;
}

/** The contents of a list in the rules, for messages. */
export function listed(list: string[]): string {
  return list.length > 0 ? `allowed: ${list.join(', ')}` : 'none is allowed';
}

/** Docker accepts both `CAP_NET_ADMIN` and `NET_ADMIN`. */
export function withoutCap(capability: string): string {
  return capability.replace(/^CAP_/, '');
}

/** Whether a path is absolute and, apart from symbolic links in it, cannot be written in any other way. */
export function isPlainPath(path: string): boolean {
  return /^\/[^:*]*$/.test(path) && normalize(path) === path && (path === '/' || !path.endsWith('/'));
}
