import { succeeds } from '../../base/succeeds.js';

/** Something of the host that has to run. */
export interface Service {
  name: string;
  /** Throws when it does not run, saying why. */
  check(): Promise<void>;
  /** Resolves when it is ready. Throws AppError `unavailable` with the reason and the log to read. */
  start(): Promise<void>;
}

/** Starts a service that does not run; one that does is left alone. True: it had to be started. */
export async function ensureRunning(service: Service): Promise<boolean> {
  const runs = await succeeds(service.check());
  if (!runs) await service.start();
  return !runs;
}
