import type { Services } from '../agent/services.js';

/**
 * The services in use, asked anew by each call: they are replaced when the host joins a cluster or leaves it. Waits a moment
 * while there are none, then rejects with `unavailable` and the reason.
 */
export type GetServices = () => Promise<Services>;
