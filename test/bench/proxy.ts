/**
 * What the proxy costs, beside direct access, HAProxy and a bare splice in Node: all of them in front of one dockerd,
 * interleaved, medians of the rounds.
 */
import { createLab } from '../lab/lab.js';
import { measureFirstByte } from './first-byte.js';
import { measureHooks } from './hooks.js';
import { measureLargeBodies } from './large-bodies.js';
import { memoryOf } from './memory.js';
import { measureShortCalls } from './short-calls.js';
import { openWays } from './ways.js';

const ROUNDS = Number(process.env['ROUNDS'] ?? 3);

const lab = await createLab();
try {
  const host = await lab.addHost();
  await openWays(host);
  for (const name of ['one', 'two', 'three']) await host.docker('create', '--name', name, 'busybox');
  const proxy = await host.pidOf('proxy');
  const idle = await memoryOf(proxy);
  await measureShortCalls(host, ROUNDS);
  await measureLargeBodies(host, ROUNDS);
  await measureFirstByte(host, ROUNDS);
  const after = await memoryOf(proxy);
  console.log(
    `memory of the proxy, MiB: ${idle.now} idle, ${after.now} after all that, ${after.peak} at most\n`,
  );
  await measureHooks(host, ROUNDS);
} finally {
  await lab.destroy();
}
