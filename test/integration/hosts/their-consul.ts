import type { Host } from '../../lab/host.js';
import { docBlocks } from '../../support/doc-blocks.js';
import { until } from '../../support/until.js';
import { PATIENCE_MS } from './suite.js';

const MASTER = '00000000-0000-4000-8000-000000000001';

/** What docs/operations.md says that a token must allow. */
function rules(prefix: string): string {
  const [policy] = docBlocks('docs/operations.md').filter(({ language }) => language === 'hcl');
  if (!policy?.text.includes('"socketplane/"')) throw new Error('docs/operations.md has no policy');
  return policy.text.replace('"socketplane/"', `"${prefix}"`);
}

/** A Consul that is not ours, with ACLs on. */
export function theirConsul(host: Host) {
  const argv = [
    ...['consul', 'agent', '-server', '-bootstrap-expect=1', '-data-dir=/var/lib/socketplane/theirs'],
    ...[`-bind=${host.address}`, '-client=0.0.0.0', '-log-level=warn'],
    ...['-hcl', `acl { enabled = true, default_policy = "deny", tokens { master = "${MASTER}" } }`],
    ...['-hcl', 'performance { raft_multiplier = 1 }, disable_update_check = true'],
  ];
  let policies = 0;
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
    /** Gives a token that may do what the documented policy says, or these rules, and nothing else. */
    async token(prefix: string, policy = rules(prefix)): Promise<string> {
      const name = `policy-${++policies}`;
      // A new leader is not ready for this at once.
      await until('a policy', () => put('/acl/policy', { Name: name, Rules: policy }), PATIENCE_MS);
      const answer = await put('/acl/token', { Policies: [{ Name: name }] });
      return (answer as { SecretID: string }).SecretID;
    },
    /** `consul snapshot save` or `restore`. */
    async snapshot(what: 'save' | 'restore'): Promise<void> {
      const where = ['-http-addr', address, '-token', MASTER];
      await host.run(['consul', 'snapshot', what, ...where, '/var/lib/socketplane/theirs.snap']);
    },
    /** Writes a key by hand; the value is written as JSON. */
    async write(key: string, value: unknown): Promise<void> {
      await put(`/kv/${key}`, value);
    },
  };
}
