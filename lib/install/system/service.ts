import { succeeds } from '../../base/succeeds.js';

/** A service of the host that has to run. */
export interface Service {
  name: string;
  /** Throws the reason when it does not run. */
  check(): Promise<void>;
  /** Resolves when it is ready. Throws AppError `unavailable` with the reason and the log to read. */
  start(): Promise<void>;
}

/** Starts a service unless it already runs. Returns whether it had to be started. */
export async function ensureRunning(service: Service): Promise<boolean> {
  const runs = await succeeds(service.check());
  if (!runs) await service.start();
  return !runs;
}
