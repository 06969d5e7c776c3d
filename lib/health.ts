import { messageOf } from './base/errors.js';
import { hostPaths } from './base/paths.js';
import { requestUnix } from './os/request-unix.js';

// The health check that Docker runs inside SocketPlane's own containers: `health.js agent` or `health.js proxy`.

const TIMEOUT_MS = 5_000;
const PROBES: Record<string, { socket: string; path: string }> = {
  agent: { socket: hostPaths.agentSocket, path: '/healthz' },
  proxy: { socket: hostPaths.proxySocket, path: '/_ping' },
};

async function probe(part = ''): Promise<void> {
  const target = PROBES[part];
  if (!target) throw new Error(`expected ${Object.keys(PROBES).join(' or ')}`);
  const { status, body } = await requestUnix({ ...target, timeout: TIMEOUT_MS });
  if (status !== 200) throw new Error(`${target.socket} answers ${status}: ${body}`);
  process.stdout.write(`${body}\n`);
}

try {
  await probe(process.argv[2]);
} catch (error) {
  process.stdout.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
