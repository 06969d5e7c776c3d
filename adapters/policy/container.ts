import { z } from 'zod';
import { checkImage } from './images.js';
import { checkMount, mount } from './mounts.js';
import { listed, withoutCap, type Rules, type Violation } from './rules.js';
import { checkPath } from './host-paths.js';
import { checkVolume } from './volumes.js';

const text = z.string().nullish();
const texts = z.array(z.string()).nullish();

const hostConfig = z.looseObject({
  Privileged: z.boolean().nullish(),
  NetworkMode: text,
  PidMode: text,
  IpcMode: text,
  UTSMode: text,
  UsernsMode: text,
  CgroupnsMode: text,
  Runtime: text,
  CapAdd: texts,
  Capabilities: texts,
  SecurityOpt: texts,
  MaskedPaths: texts,
  ReadonlyPaths: texts,
  Devices: z.array(z.looseObject({ PathOnHost: z.string() })).nullish(),
  DeviceCgroupRules: texts,
  DeviceRequests: z.array(z.unknown()).nullish(),
  Binds: texts,
  VolumeDriver: text,
  Mounts: z.array(mount).nullish(),
});
type HostConfig = z.infer<typeof hostConfig>;

/** The body of `POST /containers/create`, as far as rules look at it. */
export const containerBody = z.looseObject({ Image: text, HostConfig: hostConfig.nullish() });

/** The host namespaces that a container can ask for. */
const NAMESPACES = [
  ['host-network', 'NetworkMode', '--network host'],
  ['host-pid', 'PidMode', '--pid host'],
  ['host-ipc', 'IpcMode', '--ipc host'],
  ['host-uts', 'UTSMode', '--uts host'],
  ['host-userns', 'UsernsMode', '--userns host'],
  ['host-cgroup', 'CgroupnsMode', '--cgroupns host'],
] as const;

/** The capabilities that Docker gives every container. */
const USUAL_CAPABILITIES =
  `AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP
  SETGID SETPCAP SETUID SYS_CHROOT`.split(/\s+/);

export async function checkCreate(body: z.infer<typeof containerBody>, rules: Rules): Promise<Violation[]> {
  const config = body.HostConfig ?? {};
  return [
    ...checkImage(body.Image ?? '', rules),
    ...checkRights(config, rules),
    ...checkDevices(config, rules),
    ...(await checkMounts(config, rules)),
  ];
}

function checkRights(config: HostConfig, rules: Rules): Violation[] {
  const found: Violation[] = [];
  if (config.Privileged && rules.privileged === 'deny') {
    const message =
      'no privileged containers here: leave out --privileged, and --cap-add what the program needs';
    found.push({ rule: 'privileged', message });
  }
  for (const [rule, field, option] of NAMESPACES) {
    if (config[field] !== 'host' || rules[rule] === 'allow') continue;
    found.push({ rule, message: `containers have namespaces of their own here: leave out ${option}` });
  }
  const added = [...(config.CapAdd ?? []), ...(config.Capabilities ?? [])].map((name) =>
    withoutCap(name.toUpperCase()),
  );
  const allowed = [...USUAL_CAPABILITIES, ...rules.capabilities];
  for (const name of added.filter((each) => !allowed.includes(each))) {
    const message = `leave out --cap-add ${name} (${listed(rules.capabilities)})`;
    found.push({ rule: 'capabilities', message });
  }
  // Docker accepts `seccomp:unconfined` too.
  for (const option of config.SecurityOpt ?? []) {
    if (rules['security-opt'].includes(option.replace(/^([a-z-]+):/, '$1='))) continue;
    // A seccomp profile arrives as its full text.
    const message = `leave out --security-opt ${option.slice(0, 60)} (${listed(rules['security-opt'])})`;
    found.push({ rule: 'security-opt', message });
  }
  if ((config.MaskedPaths ?? config.ReadonlyPaths) && rules['system-paths'] === 'deny') {
    const message = '/proc and /sys stay masked here: leave out --security-opt systempaths=unconfined';
    found.push({ rule: 'system-paths', message });
  }
  if (config.Runtime && !rules.runtimes.includes(config.Runtime)) {
    found.push({
      rule: 'runtimes',
      message: `leave out --runtime ${config.Runtime} (${listed(rules.runtimes)})`,
    });
  }
  return found;
}

function checkDevices(config: HostConfig, rules: Rules): Violation[] {
  const found: Violation[] = [];
  for (const { PathOnHost } of config.Devices ?? []) {
    if (rules.devices.includes(PathOnHost)) continue;
    found.push({ rule: 'devices', message: `leave out --device ${PathOnHost} (${listed(rules.devices)})` });
  }
  if (config.DeviceCgroupRules?.length) {
    found.push({ rule: 'devices', message: 'leave out --device-cgroup-rule: name devices with --device' });
  }
  if (config.DeviceRequests?.length && rules['device-requests'] === 'deny') {
    found.push({
      rule: 'device-requests',
      message: 'leave out --gpus and what else asks drivers for devices',
    });
  }
  return found;
}

async function checkMounts(config: HostConfig, rules: Rules): Promise<Violation[]> {
  const found: Violation[] = [];
  if (config.VolumeDriver) found.push(...(await checkVolume(config.VolumeDriver, {}, rules)));
  for (const bind of config.Binds ?? []) {
    // SOURCE:TARGET[:MODE]; without a source, or with one that is not a path, it is a volume.
    const [source = '', target, mode = ''] = bind.split(':');
    if (target === undefined || !source.startsWith('/')) continue;
    found.push(...(await checkPath(source, mode.split(',').includes('ro'), rules)));
  }
  for (const each of config.Mounts ?? []) found.push(...(await checkMount(each, rules)));
  return found;
}
