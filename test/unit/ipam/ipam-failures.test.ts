import { expect } from 'chai';
import fc from 'fast-check';
import { AppError } from '../../../lib/base/errors.js';
import { createIpam, type Ipam } from '../../../lib/ipam/ipam.js';
import type { NetworkRecord } from '../../../lib/base/model.js';
import { createMemoryStore } from '../../../lib/store/memory.js';
import type { Store } from '../../../lib/store/store.js';
import { storedLeases } from '../../support/leases.js';

const ID = (n: number) => n.toString(16).padStart(64, '0');
const NETWORK = { id: 'web', subnet: '10.0.0.0/27', gateway: '10.0.0.1', vni: 1 };
const CAPACITY = 29;
/** The same each time, unless FUZZ_SEED says another. */
const SEED = 20150417;

interface Host {
  name: string;
  ipam: Ipam;
  /** What the store does to this host: answers, loses calls, or loses answers. */
  link: { state: 'up' | 'down' | 'mute' };
  stop: () => void;
}

/** The store as a host reaches it over a network that fails. */
function over(link: Host['link'], store: Store): Store {
  const lost = () => new AppError('unavailable', 'the store does not answer');
  const pass = async <T>(call: () => Promise<T>): Promise<T> => {
    if (link.state === 'down') throw lost();
    const result = await call();
    if (link.state === 'mute') throw lost();
    return result;
  };
  return {
    ...store,
    get: (key) => pass(() => store.get(key)),
    list: (prefix) => pass(() => store.list(prefix)),
    commit: (operations) => pass(() => store.commit(operations)),
  };
}

async function start(name: string, store: Store): Promise<Host> {
  const link: Host['link'] = { state: 'up' };
  const ipam = createIpam({ store: over(link, store), host: name });
  await ipam.load();
  const abort = new AbortController();
  void ipam.follow(abort.signal);
  return { name, ipam, link, stop: () => abort.abort() };
}

const step = fc.record({
  host: fc.nat(2),
  container: fc.nat(11),
  what: fc.oneof(
    { weight: 8, arbitrary: fc.constant('acquire' as const) },
    { weight: 5, arbitrary: fc.constant('release' as const) },
    { weight: 2, arbitrary: fc.constantFrom('crash' as const, 'describe' as const, 'reap' as const) },
    { weight: 2, arbitrary: fc.constantFrom('down' as const, 'mute' as const, 'up' as const) },
  ),
  wait: fc.boolean(),
});

describe('ipam on several hosts, when things fail', () => {
  it('describes a container again when it is not known what became of the description before', async () => {
    const store = createMemoryStore();
    await store.commit([{ key: 'networks/web', value: JSON.stringify(NETWORK) }]);
    const record: NetworkRecord = { network: NETWORK, version: 1 };
    const link: Host['link'] = { state: 'up' };
    // The news of its own write has not come yet.
    const ipam = createIpam({ store: over(link, store), host: 'h1' });
    await ipam.load();
    await ipam.acquire(record, ID(1), { description: { names: ['one'], up: true } });
    link.state = 'mute';
    const stopped = await ipam
      .describe(ID(1), { names: ['one'], up: false })
      .catch((error: unknown) => error);
    expect(stopped).to.be.instanceOf(AppError);
    link.state = 'up';
    await ipam.describe(ID(1), { names: ['one'], up: true });
    expect((await storedLeases(store)).map(({ up }) => up)).to.deep.equal([true]);
  });

  it('never has two owners for an address, nor loses one', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
        const store = createMemoryStore();
        await store.commit([{ key: 'networks/web', value: JSON.stringify(NETWORK) }]);
        const record: NetworkRecord = {
          network: NETWORK,
          version: (await store.get('networks/web'))!.version,
        };
        const hosts = await Promise.all(['h0', 'h1', 'h2'].map((name) => start(name, store)));
        let running: Promise<unknown>[] = [];
        /** The address that each container was told it has; nobody else may be told the same meanwhile. */
        const told = new Map<string, string>();
        const settle = async () => {
          await Promise.all(running);
          running = [];
        };

        /** How often each container's address was given back: an answer from before counts for nothing. */
        const released = new Map<string, number>();
        const release = (id: string) => {
          told.delete(id);
          released.set(id, (released.get(id) ?? 0) + 1);
        };

        /** Hosts that were given up: they have to look before what they say counts, as `Evictions` has it. */
        const fenced = new Set<string>();
        async function comeBack({ name, ipam }: Host): Promise<void> {
          if (!fenced.has(name)) return;
          await ipam.load();
          fenced.delete(name);
        }

        async function acquire(host: Host, id: string): Promise<void> {
          await comeBack(host);
          const before = released.get(id);
          const { lease } = await host.ipam.acquire(record, id);
          if (released.get(id) !== before) return;
          for (const [other, ip] of told)
            if (other !== id) expect(ip, `${other} has it`).to.not.equal(lease.ip);
          told.set(id, lease.ip);
        }

        for (const { host: at, container, what, wait } of steps) {
          const host = hosts[at]!;
          const id = ID(at * 100 + container);
          const may = (task: Promise<unknown>) =>
            running.push(
              task.catch((error: unknown) =>
                expect((error as AppError).kind).to.be.oneOf(['exhausted', 'unavailable']),
              ),
            );
          if (what === 'acquire') may(acquire(host, id));
          // From here on the address may be another's, whether the answer arrives or not.
          else if (what === 'release') may((release(id), host.ipam.release(id)));
          else if (what === 'describe') may(host.ipam.describe(id, { names: [`c${container}`], up: false }));
          else if (what === 'reap') {
            // The host was away for so long that others have given up on it.
            await settle();
            for (const other of [...told.keys()])
              if (Math.floor(Number.parseInt(other, 16) / 100) === at) told.delete(other);
            const reaper = hosts[(at + 1) % 3]!;
            fenced.add(host.name);
            may(reaper.ipam.releaseHost(host.name));
            // Nobody comes back before it is done.
            await settle();
          } else if (what === 'crash') {
            await settle();
            host.stop();
            hosts[at] = await start(host.name, store);
          } else host.link.state = what;
          if (wait) await settle();
        }

        await settle();
        for (const host of hosts) host.link.state = 'up';
        const leases = await storedLeases(store);
        expect(new Set(leases.map(({ ip }) => ip)).size).to.equal(leases.length);
        expect(new Set(leases.map((lease) => lease.container)).size).to.equal(leases.length);
        // What a container was told is what the store says.
        for (const [id, ip] of told) expect(leases.find((lease) => lease.container === id)?.ip).to.equal(ip);
        // What hosts believe is what the store says, once they have looked.
        for (const { ipam } of hosts) await ipam.load();
        const believed = hosts.flatMap(({ ipam }) => ipam.owned()).sort();
        expect(believed).to.deep.equal(leases.map(({ container }) => container).sort());
        // Nothing is lost: all comes back, and then the whole subnet can be had.
        for (const { ipam } of hosts) for (const id of ipam.owned()) await ipam.release(id);
        expect(await store.list('blocks/')).to.deep.equal([]);
        const again = await Promise.allSettled(
          Array.from({ length: CAPACITY + 3 }, (_, n) => hosts[n % 3]!.ipam.acquire(record, ID(1000 + n))),
        );
        expect(again.filter(({ status }) => status === 'fulfilled')).to.have.length(CAPACITY);
        hosts.forEach(({ stop }) => stop());
      }),
      { numRuns: 60, seed: Number(process.env['FUZZ_SEED'] ?? SEED) },
    );
  }).timeout(30_000);
});
