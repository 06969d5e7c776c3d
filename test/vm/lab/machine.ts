import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Namespace } from '../../lab/namespace.js';
import { command, tail, type CommandOptions, type Result } from '../../lab/process.js';
import { until } from '../../support/until.js';
import type { MachineImage } from './image.js';
import { openQmp, type Qmp } from './qmp.js';

/** Everything is 10 to 20 times slower where the processor is translated. */
const BOOT_MS = 10 * 60_000;
const COMMAND_MS = 20 * 60_000;
const MEMORY_MB = 2_560;
/** QEMU 7.2 translates the instruction of cx16 so that an interrupt in the wrong moment leaves wrong flags, and the kernel panics. */
const CPU = 'max,-cx16';

export interface MachineOptions {
  number: number;
  image: MachineImage;
  /** The LAN. */
  segment: Namespace;
  /** For its disk, sockets and console. */
  folder: string;
  accelerator: 'kvm' | 'tcg';
}

/** A virtual machine, which ends with this process. */
export interface Machine {
  name: string;
  address: string;
  /** A script for root's shell. Throws where it fails, unless `reject` is false. */
  run(script: string, options?: CommandOptions): Promise<Result>;
  /** What a script prints; empty where it fails. */
  read(script: string): Promise<string>;
  /** Shuts down and comes back. */
  reboot(): Promise<void>;
  /** As if its power had been cut, and come back. */
  losePower(): Promise<void>;
  monitor: Qmp['monitor'];
  /** Resolves when a shell can be had, after its memory has changed under it. */
  resume(): Promise<void>;
  destroy(): Promise<void>;
}

export async function bootMachine(options: MachineOptions): Promise<Machine> {
  const { number, image, segment, folder, accelerator } = options;
  const name = `h${number}`;
  const address = `10.66.0.${number}`;
  const file = (suffix: string) => join(folder, `${name}.${suffix}`);
  const dying = ['setpriv', '--pdeathsig', 'KILL'];
  const target = [
    ...[
      '-i',
      image.key,
      '-S',
      file('ssh'),
      '-o',
      'StrictHostKeyChecking=no',
      '-o',
      'UserKnownHostsFile=/dev/null',
    ],
    ...['-o', 'LogLevel=ERROR', '-o', 'ConnectTimeout=10', '-o', 'ServerAliveInterval=15', `root@${address}`],
  ];
  const socket = file('qmp');

  await command(['qemu-img', 'create', '-q', '-f', 'qcow2', '-b', image.disk, '-F', 'raw', file('qcow2')]);
  await segment.run(['ip', 'tuntap', 'add', name, 'mode', 'tap']);
  await segment.run(['ip', 'link', 'set', name, 'master', 'lan', 'up']);
  const console = await open(file('console'), 'a');
  const arguments_ = [
    ...[
      '-M',
      'q35',
      '-smp',
      '1',
      '-m',
      String(MEMORY_MB),
      '-nodefaults',
      '-no-user-config',
      '-display',
      'none',
    ],
    ...(accelerator === 'kvm'
      ? ['-accel', 'kvm', '-cpu', 'host']
      : ['-accel', 'tcg,thread=multi,tb-size=512', '-cpu', CPU]),
    ...['-kernel', image.kernel, '-initrd', image.initrd],
    ...['-append', `root=/dev/vda rw console=ttyS0 net.ifnames=0 mitigations=off lab.id=${number}`],
    // What a guest has flushed is safe when it loses its power: only this machine's own end would take it.
    ...['-drive', `file=${file('qcow2')},if=virtio,cache=unsafe`, '-device', 'virtio-rng-pci'],
    ...['-netdev', `tap,id=lan,ifname=${name},script=no,downscript=no`],
    ...['-device', `virtio-net-pci,netdev=lan,mac=52:54:00:66:00:${number.toString(16).padStart(2, '0')}`],
    ...['-serial', 'stdio', '-qmp', `unix:${socket},server=on,wait=off`],
  ];
  const qemu = segment.spawn([...dying, 'nice', '-n', '5', 'qemu-system-x86_64', ...arguments_], {
    stdio: ['ignore', console.fd, console.fd],
  });
  await console.close();
  const isAlive = () => qemu.exitCode === null && qemu.signalCode === null;
  const giveUp = async () => {
    const said = await tail(file('console'), 30);
    if (!isAlive()) throw new Error(`QEMU ended: ${said}`);
    if (said.includes('Kernel panic')) throw new Error(`${name} panicked:\n${said}`);
  };
  await until(`the socket of ${name}`, () => existsSync(socket), { giveUp });
  const qmp = await openQmp(socket);
  let master: ChildProcess | undefined;

  const run: Machine['run'] = (script, { timeout = COMMAND_MS, ...rest } = {}) =>
    command([...segment.enter, 'ssh', ...target, script], { timeout, ...rest });
  const read = async (script: string) => (await run(script, { reject: false })).stdout;

  /** One connection for all commands: setting one up takes a second. */
  async function connect(): Promise<void> {
    master?.kill('SIGKILL');
    await until(
      `a shell on ${name}`,
      async () => {
        const { exitCode } = await command([...segment.enter, 'ssh', '-S', 'none', ...target, 'true'], {
          reject: false,
          timeout: 60_000,
        });
        return exitCode === 0;
      },
      { timeout: BOOT_MS, giveUp },
    ).catch(async (cause: unknown) => {
      throw new Error(`${String(cause)}\n${await tail(file('console'))}`, { cause });
    });
    master = segment.spawn([...dying, 'ssh', '-M', '-N', ...target], { stdio: 'ignore' });
  }

  const bootId = () => run('cat /proc/sys/kernel/random/boot_id');
  async function afresh(how: () => Promise<unknown>): Promise<void> {
    const { stdout: before } = await bootId();
    await how();
    await until(
      `${name} to boot`,
      async () => {
        await connect();
        return (await bootId()).stdout !== before;
      },
      { timeout: BOOT_MS, giveUp },
    );
    await isUp();
  }
  /** Failed units are for the tests to find. */
  const isUp = () => run('systemctl is-system-running --wait', { reject: false, timeout: BOOT_MS });

  await connect();
  await isUp();
  return {
    name,
    address,
    run,
    read,
    monitor: qmp.monitor,
    reboot: () => afresh(() => run('systemctl reboot', { reject: false })),
    losePower: () => afresh(() => qmp.monitor('system_reset')),
    async resume() {
      await connect();
      await run(`date -u -s @${Math.ceil(Date.now() / 1_000)}`);
    },
    async destroy() {
      qmp.close();
      const ends = [qemu, master].filter((child) => child?.exitCode === null && child.signalCode === null);
      const ended = ends.map((child) => once(child!, 'exit'));
      for (const child of ends) child?.kill('SIGKILL');
      await Promise.all(ended);
    },
  };
}
