import { RUN_OPTIONS } from './run-options.js';

/** In the order in which they run. Their numbers are part of names and addresses, so there can be no more than 200. */
export const ALL_CASES = [...RUN_OPTIONS];
