import type { Services } from '../agent/services.js';

/**
 * The services in use, to be asked for in each call: they are replaced when the host joins or leaves a cluster. While there
 * are none, waits a moment, then rejects with `unavailable` and the reason.
 */
export type GetServices = () => Promise<Services>;
