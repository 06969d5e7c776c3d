import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { ignoreMissing } from '../../base/errors.js';
import { defaultRouteDevice } from '../../os/default-route.js';
import type { Run } from '../../os/exec.js';
import { writePrivateFile } from '../../os/private-file.js';

/** The machine on which a host's identity is used. */
export const machine = z.object({
  /** Differs after each boot, and is never copied with a disk. */
  boot: z.uuid(),
  /** For people. */
  name: z.string(),
  /** On the underlay. */
  address: z.ipv4(),
  /** What a copy of the disk in another machine does not have: see {@link readHardware}. */
  hardware: z.array(z.string().max(64)).max(256),
});
export type Machine = z.infer<typeof machine>;

/** Whether two machines are one: a part may have been replaced. */
export function shareHardware(a: readonly string[], b: readonly string[]): boolean {
  return a.some((part) => b.includes(part));
}

/** What boards say that were given no number of their own. */
const NO_NUMBER = /^(?:[0f-]+|03000200-0400-0500-0006-000700080009|not .*)$/i;
const NO_ADDRESS = '00:00:00:00:00:00';

const linkList = z.array(
  z.object({ ifname: z.string(), address: z.string().toLowerCase().default(NO_ADDRESS) }),
);

/**
 * The product's number, which every hypervisor gives to a copy anew, and the MAC addresses of network cards and of the device
 * that carries the cluster. Not /etc/machine-id, which is copied with the disk.
 */
export async function readHardware(
  run: Run,
  {
    sys = '/sys',
    carrying = defaultRouteDevice,
  }: { sys?: string; carrying?: () => Promise<string | undefined> } = {},
): Promise<string[]> {
  const read = async (path: string) =>
    (await readFile(join(sys, path), 'utf8').catch(() => '')).trim().toLowerCase();
  const uuid = await read('class/dmi/id/product_uuid');
  const parts = uuid === '' || NO_NUMBER.test(uuid) ? [] : [`product ${uuid}`];
  // Unlike /sys, which may be of another network namespace.
  const links = linkList.parse(JSON.parse(await run(['ip', '-json', 'link', 'show'])));
  const device = await carrying();
  for (const { ifname, address } of links) {
    const folder = join('class/net', ifname);
    const isCard =
      existsSync(join(sys, folder, 'device')) && (await read(join(folder, 'address'))) === address;
    if (address !== NO_ADDRESS && (isCard || ifname === device)) parts.push(`mac ${address}`);
  }
  return [...new Set(parts)].sort();
}

/** @param file in a folder that a boot empties, such as /run/socketplane */
export async function readBoot(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(ignoreMissing);
  const known = z.uuid().safeParse(text?.trim());
  if (known.success) return known.data;
  const boot = randomUUID();
  // Sockets for other users are in this folder too.
  await mkdir(dirname(file), { recursive: true });
  await writePrivateFile(file, `${boot}\n`);
  return boot;
}
