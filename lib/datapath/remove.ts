import { z } from 'zod';
import type { Run } from '../os/exec.js';
import { removeFromFirewalld } from './firewalld/firewalld.js';
import { removeNat } from './kernel/nat.js';
import { isEndpointLink } from './device-names.js';
import { succeeds } from '../base/succeeds.js';

const links = z.array(z.object({ ifname: z.string() }));

/** Removes the data plane: the bridge with its gateways and tunnels, the endpoints' links, the rules. May be repeated. */
export async function removeDatapath(run: Run, bridge: string): Promise<void> {
  const hasOvs = await succeeds(
    run(['ovs-vsctl', '--no-syslog', '--no-wait', '--timeout=3', 'get', 'Open_vSwitch', '.', '_uuid']),
  );
  if (hasOvs) await run(['ovs-vsctl', '--no-syslog', '--timeout=10', '--if-exists', 'del-br', bridge]);
  const found = links.parse(JSON.parse((await run(['ip', '-json', 'link', 'show'])) || '[]'));
  for (const { ifname } of found.filter((link) => isEndpointLink(link.ifname))) {
    // It may be the other end of a link that was just removed.
    await run(['ip', 'link', 'delete', ifname]).catch(() => undefined);
  }
  await removeNat(run);
  // A firewalld that cannot be told forgets all of ours when it starts or reloads next.
  await removeFromFirewalld().catch(() => undefined);
}
