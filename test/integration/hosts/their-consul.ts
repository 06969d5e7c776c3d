import type { Host } from '../../lab/host.js';
import { until } from '../../support/until.js';
import { PATIENCE_MS } from './suite.js';

const MASTER = '00000000-0000-4000-8000-000000000001';

/** What docs/operations.md says that a token must allow. */
const rules = (prefix: string) =>
  `key_prefix "${prefix}" { policy = "write" }\nsession_prefix "" { policy = "write" }`;

/** A Consul that is not ours, with ACLs on. */
export function theirConsul(host: Host) {
  const argv = [
    ...['consul', 'agent', '-server', '-bootstrap-expect=1', '-data-dir=/var/lib/socketplane/theirs'],
    ...[`-bind=${host.address}`, '-client=0.0.0.0', '-log-level=warn'],
    ...['-hcl', `acl { enabled = true, default_policy = "deny", tokens { master = "${MASTER}" } }`],
    ...['-hcl', 'performance { raft_multiplier = 1 }, disable_update_check = true'],
  ];
  const address = `http://${host.address}:8500`;
  async function put(path: string, body: unknown): Promise<unknown> {
    const curl = ['curl', '-fsS', '-X', 'PUT', '-H', `X-Consul-Token: ${MASTER}`, '-d', JSON.stringify(body)];
    return JSON.parse((await host.run([...curl, `${address}/v1${path}`])).stdout) as unknown;
  }
  return {
    address,
    async start(): Promise<void> {
      // As in every host that speaks with userspace Open vSwitch: nothing completes its checksums.
      await host.run(['ethtool', '-K', 'eth0', 'tx', 'off']);
      await host.start('consul', argv);
      await host.ready('consul', ['sh', '-c', `curl -fsS ${address}/v1/status/leader | grep -q :`]);
    },
    stop: () => host.stop('consul'),
    /** Gives one that may write our keys and sessions, and nothing else. */
    async token(prefix: string): Promise<string> {
      // A new leader is not ready for this at once.
      const policy = { Name: 'socketplane', Rules: rules(prefix) };
      await until('a policy', () => put('/acl/policy', policy), PATIENCE_MS);
      const answer = await put('/acl/token', { Policies: [{ Name: 'socketplane' }] });
      return (answer as { SecretID: string }).SecretID;
    },
  };
}
