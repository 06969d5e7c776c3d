import { z } from 'zod';
import type { Log } from '../base/log.js';
import { keepJson } from '../os/kept-json.js';

const record = z.object({
  /** Name of the network in the cluster; absent until Docker has said it. */
  name: z.string().optional(),
  subnet: z.string(),
});
export type DockerNetworkRecord = z.infer<typeof record>;
const stored = z.record(z.string(), record);

/**
 * Which of the cluster's networks Docker means by an id, which is another one on each host. Docker tells it when it makes the
 * network, and never again, so it is kept in a file.
 */
export interface DockerNetworks {
  /** @param id Docker's id of the network */
  get(id: string): DockerNetworkRecord | undefined;
  /** By the network's name in the cluster; where Docker has made it anew, the latest. */
  idOf(name: string): string | undefined;
  /** Docker's ids of all that are known. */
  ids(): string[];
  /** Resolves when the file is written; a failure is logged, as Docker can be asked. */
  set(id: string, record: DockerNetworkRecord): Promise<void>;
  drop(...ids: string[]): Promise<void>;
}

/** @param file where the records are kept; one that cannot be read is begun anew, as Docker can be asked */
export function createDockerNetworks(file: string, log: Log): DockerNetworks {
  const kept = keepJson(file, stored, "the record of Docker's networks", log);
  const records = new Map<string, DockerNetworkRecord>(Object.entries(kept.read() ?? {}));
  const write = () => kept.write(() => Object.fromEntries(records));

  return {
    get: (id) => records.get(id),
    idOf: (name) => [...records].findLast(([, known]) => known.name === name)?.[0],
    ids: () => [...records.keys()],
    async set(id, known) {
      const before = records.get(id);
      if (before?.name === known.name && before?.subnet === known.subnet) return;
      records.delete(id);
      records.set(id, known);
      await write();
    },
    async drop(...ids) {
      const known = ids.filter((id) => records.delete(id));
      if (known.length > 0) await write();
    },
  };
}
