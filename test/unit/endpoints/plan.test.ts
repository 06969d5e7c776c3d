import { expect } from 'chai';
import { UNUSED_MS } from '../../../lib/endpoints/addresses.js';
import { CONNECT_MS, CREATE_MS, plan, START_MS, type AddressState } from '../../../lib/endpoints/plan.js';
import { LINK_LOST } from '../../../lib/endpoints/table.js';
import { A, E1, E2, entryOf, IP, leaseOf, NOW, occupantOf } from './support.js';

const docker = { container: A, endpoint: E1, isKept: false };
const known = { occupant: occupantOf(A) };
const up = { endpoint: E1, up: true };
const lost = { failure: LINK_LOST };
const dead = { network: 'web', ip: IP, isThere: false, isSettled: false, isAwaited: false };
const [there, settled] = [
  { ...dead, isThere: true },
  { ...dead, isThere: true, isSettled: true },
];
/** An entry as old as this. */
const old = (ms: number, change = {}) => entryOf(E1, { since: NOW - ms, ...change });

const ageOf = ({ time }: { time: string }) => NOW - Date.parse(time);

type Case = [title: string, place: AddressState, steps: string];

const kept = (change = {}) => leaseOf({ kept: true, container: A, ...change });
const own = (change = {}) => leaseOf({ container: A, ...change });

const RUNNING: Case[] = [
  [
    'all is as it should be',
    { lease: leaseOf(up), entry: entryOf(E1, known), docker, ...settled },
    'identify',
  ],
  [
    'nobody knows yet whose it is',
    { lease: leaseOf(up), entry: entryOf(E1), docker, ...settled },
    'identify',
  ],
  ['the lease is gone', { entry: entryOf(E1, known), docker, ...settled }, 'lease identify'],
  [
    'the lease names no endpoint',
    { lease: leaseOf(), entry: entryOf(E1), docker, ...settled },
    'claim identify',
  ],
  [
    'the lease names another',
    { lease: leaseOf({ ...up, endpoint: E2 }), docker, ...settled },
    'claim identify',
  ],
  ['the lease is down', { lease: leaseOf({ ...up, up: false }), docker, ...settled }, 'claim identify'],
  [
    'another endpoint was there before',
    { lease: leaseOf(up), entry: entryOf(E2, known), docker, ...settled },
    'close identify',
  ],
  [
    'another endpoint has been opened since Docker was asked',
    { lease: leaseOf(up), entry: entryOf(E2), docker, ...settled },
    '',
  ],
  [
    'another endpoint was opened, and its start has failed long ago',
    { lease: leaseOf(up), entry: entryOf(E2, { since: NOW - START_MS }), docker, ...settled },
    'close identify',
  ],
  [
    'another endpoint was opened by an earlier run of the agent',
    { lease: own(up), entry: entryOf(E2, { isAdopted: true }), docker, ...settled },
    'close identify',
  ],
  ['the address is asked for again', { lease: leaseOf(up), docker, ...settled, isAwaited: true }, ''],
  [
    'the link is gone',
    { lease: leaseOf(up), entry: entryOf(E1, { ...known, ...lost }), docker, ...settled },
    'reconnect identify',
  ],
];

const STOPPED: Case[] = [
  ['nothing is left', dead, ''],
  ['it is awaited', { lease: own(), entry: old(START_MS), ...dead, isAwaited: true }, ''],
  ['the endpoint is being started', { lease: own(up), entry: old(START_MS - 1), ...dead }, ''],
  [
    'it was started before the agent was, and has ended since',
    { lease: own(up), entry: old(0, { isAdopted: true }), ...dead },
    'close release',
  ],
  [
    'it was started before the agent was, by nobody knows whom',
    { lease: leaseOf(up), entry: old(0, { isAdopted: true }), ...dead },
    '',
  ],
  ['the start has ended long ago', { lease: own(up), entry: old(START_MS), ...dead }, 'close release'],
  ["the endpoint was somebody's", { lease: own(up), entry: old(0, known), ...dead }, 'close release'],
  ['only the endpoint is left', { entry: old(0, known), ...dead }, 'close'],
  ['only the lease is left', { lease: own(up), ...dead }, 'release'],
  [
    'a container has ended without its link',
    { lease: own(up), entry: old(0, lost), ...dead },
    'close release',
  ],
  ['a start is cut off from its link', { lease: leaseOf(up), entry: old(0, lost), ...dead }, ''],
  ['Docker may be making its endpoint', { lease: leaseOf({}, UNUSED_MS - 1), ...dead }, ''],
  ['Docker has made no endpoint', { lease: leaseOf({}, UNUSED_MS), ...dead }, 'release'],
  ['the endpoint of nobody is gone', { lease: leaseOf(up), ...dead }, 'release'],
  ["a fresh one was somebody's", { lease: own(), ...settled }, 'release'],

  ['kept, and at rest', { lease: kept(), ...settled }, ''],
  ['kept, and still named up', { lease: kept({ up: true }), ...settled }, 'rest'],
  ['kept, and with a dead endpoint', { lease: kept({ endpoint: E1 }), ...settled }, 'rest'],
  ['kept, and the endpoint is left', { lease: kept(up), entry: old(0, known), ...settled }, 'close rest'],
  ['kept, and being started', { lease: kept(up), entry: old(0), ...settled }, ''],
  ['kept, and the container is gone', { lease: kept(), ...dead }, 'release'],
  [
    'kept, and off the network',
    { lease: leaseOf({ kept: true, container: A }, CONNECT_MS), ...there },
    'release',
  ],
  ['kept, and about to be connected', { lease: kept(), ...there }, ''],
  ['kept, used and off the network', { lease: kept(up), ...there }, 'release'],
  ['kept, and being created', { lease: leaseOf({ kept: true }, CREATE_MS - 1), ...dead }, ''],
  ['kept, and never created', { lease: leaseOf({ kept: true }, CREATE_MS), ...dead }, 'release'],
  ['kept for nobody yet, and borrowed', { lease: leaseOf({ kept: true, ...up }), ...dead }, 'rest'],
];

describe('plan of an address', () => {
  const check = ([title, place, steps]: Case) =>
    it(`${title}: ${steps || 'nothing'}`, () => expect(plan(place, NOW, ageOf).join(' ')).to.equal(steps));

  describe('that a running container has', () => RUNNING.forEach(check));
  describe('that no running container has', () => STOPPED.forEach(check));
});
