import type { ConsulFiles } from './config.js';

export interface StartOptions {
  files: ConsulFiles;
  /** Path of the program. */
  program: string;
  /** Throws while it is not ready, with the reason. */
  ready: () => Promise<unknown>;
  /** Milliseconds within which it must be ready. */
  timeout: number;
  /** When it aborts, nobody waits any longer. */
  signal?: AbortSignal;
}

/**
 * Starts Consul where it outlives the agent. Resolves when it is ready, or nobody waits any longer.
 *
 * @throws AppError `unavailable` that says why it is not ready
 */
export type ConsulStarter = (options: StartOptions) => Promise<void>;
