/** An agent that starts its Consul and is then killed: `apply-consul.ts <program> <state> <socket> <spec as JSON>`. */
import { silentLog } from '../../../lib/base/log.js';
import { createConsulAgent } from '../../../lib/cluster/consul/agent.js';
import { consulFiles, type ConsulSpec } from '../../../lib/cluster/consul/config.js';

const [program = '', state = '', socket = '', spec = ''] = process.argv.slice(2);
const { authoritySeed, ...rest } = JSON.parse(spec) as Omit<ConsulSpec, 'authoritySeed'> & {
  authoritySeed: { data: number[] };
};
const consul = createConsulAgent({
  files: consulFiles(state, socket),
  ensureConsul: async () => program,
  run: async () => '',
  log: silentLog,
});
await consul.apply({ ...rest, authoritySeed: Buffer.from(authoritySeed.data) });
process.kill(process.pid, 'SIGKILL');
