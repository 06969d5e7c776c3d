import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { command } from './process.js';
import { STATE } from './state.js';

const SCRIPT = join(import.meta.dirname, '../../lib/install/without-registry/busybox-image');

let made: Promise<string> | undefined;

/** Path of a root file system with this machine's static busybox, made once for all labs of this process. */
export function busyboxTar(): Promise<string> {
  return (made ??= make());
}

async function make(): Promise<string> {
  // Named as labs are: a later lab removes it when this process is gone.
  const folder = join(STATE, `${process.pid}-busybox`);
  await mkdir(folder, { recursive: true });
  const tar = join(folder, 'busybox.tar');
  await command(['bash', SCRIPT, tar]);
  return tar;
}
