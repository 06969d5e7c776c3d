import { CLIENTS } from './clients.js';
import { COMPOSE } from './compose.js';
import { MANY } from './many.js';
import { CONNECT, NETWORKS } from './networks.js';
import { REACH } from './reach.js';
import { RUN_LIFE } from './run-life.js';
import { RUN_OPTIONS } from './run-options.js';
import { RUN_PORTS } from './run-ports.js';
import { SHOW } from './show.js';
import { CALLS, TOOLS } from './tools.js';

/** In the order in which they run. Their numbers are part of names and addresses: new ones may go anywhere. */
export const ALL_CASES = [
  ...RUN_OPTIONS,
  ...RUN_PORTS,
  ...RUN_LIFE,
  ...REACH,
  ...SHOW,
  ...CONNECT,
  ...NETWORKS,
  ...CALLS,
  ...TOOLS,
  ...COMPOSE,
  ...CLIENTS,
  ...MANY,
];
