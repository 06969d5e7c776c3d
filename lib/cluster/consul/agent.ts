import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createKeyedLock } from '../../concurrency/keyed-lock.js';
import { retryForever } from '../../concurrency/retry-forever.js';
import { messageOf } from '../../base/errors.js';
import type { Run } from '../../os/exec.js';
import type { Log } from '../../base/log.js';
import { CONSUL_SERVER_PORT } from '../../base/ports.js';
import { writePrivateFile } from '../../os/private-file.js';
import { makeNodeCertificate } from './certificates.js';
import { createConsulApi, type ConsulApi } from './api.js';
import { consulAgentConfig, DATACENTER, sameConfig, type ConsulFiles, type ConsulSpec } from './config.js';
import { createConsulProcess } from './process.js';

const LEAVE_MS = 15_000;

/**
 * This host's Consul. It keeps running when the agent ends, and the next agent adopts it. It is restarted when it
 * ends by itself.
 */
export interface ConsulAgent {
  api: ConsulApi;
  /**
   * Makes it run like this. If it does already, whether or not an earlier agent started it, it is left alone; otherwise it is
   * stopped and started with the same data. Resolves when it answers on its socket, which may be before it has found the cluster.
   */
  apply(spec: ConsulSpec): Promise<void>;
  /**
   * Makes it open new connections to other servers. After an outage, TCP waits about as long again as the outage lasted
   * before it repeats what was lost, and all requests wait behind that.
   */
  reconnect(): Promise<void>;
  /** It runs on, but is no longer looked after: the agent ends. */
  letGo(): Promise<void>;
  /** Leaves the cluster, ends, and removes all data. */
  leave(): Promise<void>;
  /** Stops it and removes all data, without a word to the cluster: the identity is another host's. */
  discard(): Promise<void>;
  /** Stops being a server: leaves, ends, and removes what only a server has. `apply` a client afterwards. */
  demote(): Promise<void>;
}

export interface ConsulAgentOptions {
  files: ConsulFiles;
  /** Path of the program `consul`. @throws AppError that says how to install it */
  ensureConsul: () => Promise<string>;
  run: Run;
  log: Log;
}

export function createConsulAgent({ files, ensureConsul, run, log }: ConsulAgentOptions): ConsulAgent {
  const api = createConsulApi(files.socket);
  const consul = createConsulProcess({ files, ensureConsul });
  const lock = createKeyedLock();
  let supervision = new AbortController();

  /** Changes run one at a time, and the process is not supervised while they run. */
  function change(task: () => Promise<void>): Promise<void> {
    supervision.abort();
    return lock('consul', task);
  }

  async function supervise(signal: AbortSignal): Promise<void> {
    for (;;) {
      await consul.untilEnded(signal);
      if (signal.aborted) return;
      log.warn('Consul ended by itself; starting it again', { log: files.log });
      await lock('consul', () => restart(signal));
    }
  }

  async function restart(signal: AbortSignal): Promise<void> {
    let attempt = Promise.resolve();
    const start = () => (attempt = consul.start(api.ping, signal));
    const onFailure = () => consul.stop();
    await retryForever(start, { what: 'start Consul', log, signal, onFailure }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    // An aborted retry leaves its last attempt running, and a change that stops Consul must not overtake that.
    await attempt.catch(() => undefined);
  }

  async function write(spec: ConsulSpec, config: Record<string, unknown>): Promise<void> {
    const pem = await makeNodeCertificate(spec.authoritySeed, DATACENTER, spec.hostId);
    await writePrivateFile(files.authority, pem.authority);
    await writePrivateFile(files.certificate, pem.certificate);
    await writePrivateFile(files.privateKey, pem.privateKey);
    await writePrivateFile(files.config, JSON.stringify(config, undefined, 2));
  }

  async function leaveGracefully(): Promise<void> {
    if ((await consul.find()) === undefined) return;
    await api.leave().catch((error: unknown) => {
      log.warn('Consul could not leave gracefully', { error: messageOf(error) });
    });
    await consul.untilEnded(AbortSignal.timeout(LEAVE_MS));
    await consul.stop();
  }

  async function removeFiles(): Promise<void> {
    await rm(files.folder, { recursive: true, force: true });
    await rm(files.socket, { force: true });
  }

  return {
    api,
    apply: (spec) =>
      change(async () => {
        const config = consulAgentConfig(spec, files);
        const pid = await consul.find();
        if (pid !== undefined && sameConfig(await readConfig(files.config), config)) {
          log.info('Consul runs already', { pid });
        } else {
          await consul.stop();
          await write(spec, config);
          log.info('starting Consul', { log: files.log });
          try {
            await consul.start(api.ping);
          } catch (error) {
            await consul.stop();
            throw error;
          }
          log.info('Consul started', {
            server: spec.server,
            address: spec.address,
            pid: await consul.find(),
          });
        }
        supervision = new AbortController();
        void supervise(supervision.signal);
      }),
    async reconnect() {
      const toServers = `( dport = :${CONSUL_SERVER_PORT} or sport = :${CONSUL_SERVER_PORT} )`;
      await run(['ss', '--kill', '--tcp', '--numeric', toServers]).catch((error: unknown) => {
        log.debug('connections of Consul stay as they are', { error: messageOf(error) });
      });
    },
    letGo: () => change(async () => undefined),
    leave: () =>
      change(async () => {
        await leaveGracefully();
        await removeFiles();
      }),
    discard: () =>
      change(async () => {
        await consul.stop();
        await removeFiles();
      }),
    demote: () =>
      change(async () => {
        await leaveGracefully();
        await rm(join(files.data, 'raft'), { recursive: true, force: true });
      }),
  };
}

async function readConfig(file: string): Promise<Record<string, unknown>> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  } catch {
    return {};
  }
}
