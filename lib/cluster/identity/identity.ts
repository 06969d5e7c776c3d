import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { AppError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Operation } from '../../store/store.js';
import { keepJson } from '../../os/kept-json.js';
import { writePrivateFile } from '../../os/private-file.js';
import { makeNodeCertificate } from '../consul/certificates.js';
import { DATACENTER } from '../consul/config.js';
import { refusalOf, stillHeld, type Claim, type UnchangedClaim } from './claim.js';
import { askForIdentity } from './client.js';
import { readBoot, shareHardware, type Machine } from './machine.js';

/** How long a machine that may be a copy looks for a member that can say so, in milliseconds. */
const ASK_MS = 60_000;

const keptMachine = z.object({
  /** The machine on which the identity was last used for certain. */
  hardware: z.array(z.string()),
  address: z.string().optional(),
  /** Which host this one is a copy of, and since when it is a host of its own. */
  copyOf: z.object({ id: z.string(), name: z.string(), address: z.string(), time: z.string() }).optional(),
});
export type KeptMachine = z.infer<typeof keptMachine>;

/** The file in the state folder that says on which machine this host's identity was used. */
export const keptMachineIn = (folder: string, log: Log) =>
  keepJson(join(folder, 'machine.json'), keptMachine, 'the record of the machine', log);

/** This host's permanent id, and whether this machine may use it: a disk may have been copied with all that is on it. */
export interface HostIdentity {
  readonly id: string;
  /** Whether all hardware differs from that on which the identity was last used: a copy, or a disk that was moved. */
  readonly isDoubted: boolean;
  /**
   * Asks other members, before anything is done with the identity. Throws AppError `conflict` if another machine runs with it, and
   * `unavailable` while that is not clear.
   *
   * @param members addresses of members as last seen
   */
  askMembers(members: readonly string[], address: string, authoritySeed: Buffer): Promise<void>;
  /**
   * Claims it in the store. Throws what {@link askMembers} throws.
   *
   * @returns the condition under which it is still this machine's
   */
  claim(
    address: string,
    inStore: (me: Machine, observed: UnchangedClaim | undefined) => Promise<Claim>,
  ): Promise<Operation>;
  /** Resolves when this host has become another one: everything has to begin anew, with the new id. */
  readonly renewed: Promise<void>;
}

export interface HostIdentityOptions {
  /** The state folder. */
  folder: string;
  hostId: string;
  hostName: string;
  bootFile: string;
  /** Takes away what only the host has of which this is a copy. Called before it becomes another one. */
  shed: (holder: Machine | undefined) => Promise<void>;
  /** Whether the host belongs to no cluster, so that nobody has to be asked. */
  isAlone: boolean;
  log: Log;
  /** See `readHardware`. */
  hardware: () => Promise<string[]>;
}

export async function createHostIdentity(options: HostIdentityOptions): Promise<HostIdentity> {
  const { folder, hostName, bootFile, shed, isAlone, log, hardware: read } = options;
  let { hostId } = options;
  const kept = keptMachineIn(folder, log);
  const boot = await readBoot(bootFile);
  const before = kept.read();
  const now = await read();
  const isElsewhere = before !== undefined && now.length > 0 && !shareHardware(before.hardware, now);
  const isDoubted = isElsewhere && !isAlone;
  const began = performance.now();
  let observed: { version: number; at: number } | undefined;
  let isRenewed = false;
  let onRenewed: () => void = () => undefined;
  const renewed = new Promise<void>((resolve) => (onRenewed = resolve));

  const me = async (address: string): Promise<Machine> => ({
    ...{ boot, name: hostName, address },
    hardware: await read(),
  });
  const observing = (): UnchangedClaim | undefined =>
    observed && { version: observed.version, since: performance.now() - observed.at };

  async function become(id: string, holder: Machine | undefined): Promise<void> {
    await writePrivateFile(join(folder, 'host-id'), `${id}\n`);
    const copyOf = holder && {
      ...{ id: hostId, name: holder.name, address: holder.address },
      time: new Date().toISOString(),
    };
    await kept.write(() => ({ hardware: now, ...(copyOf && { copyOf }) }));
  }

  /** Acts on what was found, unless the identity is this machine's. */
  async function heed({ verdict, holder, version }: Claim): Promise<void> {
    if (verdict === 'own') return;
    if (verdict === 'wait' && observed?.version !== version) observed = { version, at: performance.now() };
    const refusal = refusalOf({ verdict, holder });
    if (verdict === 'taken' && !isRenewed) {
      isRenewed = true;
      const id = randomUUID();
      log.warn(messageFor(holder), { was: hostId, host: id });
      await shed(holder);
      await become(id, holder);
      onRenewed();
    }
    throw refusal;
  }

  if (isAlone && isElsewhere) {
    // Nobody else can have heard of this id, unless from the machine of which this is a copy.
    const id = randomUUID();
    log.warn('this host runs on another machine than before, as a copy does: it has a new id', {
      was: hostId,
      host: id,
    });
    await become(id, undefined);
    hostId = id;
  } else if (isAlone && !before && now.length > 0) {
    await kept.write(() => ({ hardware: now }));
  }

  return {
    id: hostId,
    isDoubted,
    renewed,
    async askMembers(members: readonly string[], address: string, authoritySeed: Buffer) {
      const places = [...new Set([...members, ...(before?.address ? [before.address] : [])])];
      const others = places.filter((place) => place !== address);
      const certificate = await makeNodeCertificate(authoritySeed, DATACENTER, hostId);
      const question = { hostId, machine: await me(address), observed: observing() };
      const found = others.length > 0 ? await askForIdentity(others, question, certificate) : undefined;
      if (found) return heed(found);
      if (isDoubted && others.length > 0 && performance.now() - began < ASK_MS) {
        throw new AppError(
          'unavailable',
          `this host's disk was copied or moved to another machine, and no member at ${others.join(', ')} says yet whether the first one still runs: waiting ${ASK_MS / 1000} s for one`,
        );
      }
    },
    async claim(
      address: string,
      inStore: (machine: Machine, since: UnchangedClaim | undefined) => Promise<Claim>,
    ): Promise<Operation> {
      // The id is another machine's, also when that is silent later.
      if (isRenewed) throw new AppError('unavailable', 'this host has become another one');
      const found = await inStore(await me(address), observing());
      await heed(found);
      const { copyOf } = kept.read() ?? {};
      const hardware = await read();
      await kept.write(() => ({ hardware, address, ...(copyOf && { copyOf }) }));
      return stillHeld(hostId, found.version);
    },
  };
}

function messageFor(holder: Machine | undefined): string {
  return `${refusalOf({ verdict: 'taken', holder }).message}, and its containers get addresses of their own`;
}
