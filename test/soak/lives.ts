import type { Node } from '../lab/node.js';
import { addressesIn, DockerRefusal, dockerCalls, type Way } from './docker-calls.js';
import type { Addresses } from './addresses.js';
import type { Dice } from './dice.js';
import { APPS, WANTED, WEB, wantedAddress } from './networks.js';

/** One container's life: where, and what it may use. What it leaves when it breaks off, {@link leavings}, is removed after it. */
export interface Place {
  node: Node;
  /** Of the container. Others that it makes are called so too, with something behind. */
  name: string;
  dice: Dice;
  addresses: Addresses;
  /** Containers on all hosts that answer pings, by name. */
  survivors: readonly string[];
}

export type Life = (place: Place) => Promise<void>;

const PROXY = 'unix:///run/socketplane/docker.sock';
const SLEEP = { Image: 'busybox', Cmd: ['sleep', '3600'], StopSignal: 'KILL' };
const on = (network: string, host: object = {}) => ({ HostConfig: { NetworkMode: network, ...host } });
const either = (dice: Dice): string => dice.pick([WEB.id, WEB.id, APPS.id]);

/** A container that sleeps, with its addresses on record. */
async function sleeps({ node, name, addresses }: Place, body: object, way: Way = 'proxy') {
  const docker = dockerCalls(node, way);
  await docker.create(name, { ...SLEEP, ...body });
  await docker.start(name);
  return isUp({ node, name, addresses });
}

async function isUp({ node, name, addresses }: Pick<Place, 'node' | 'name' | 'addresses'>) {
  const inspected = await dockerCalls(node, 'docker').inspect(name);
  if (inspected.State.Running) addresses.has(node.name, name, addressesIn(inspected));
  return inspected;
}

async function removed({ node, name, addresses }: Place, way: Way = 'proxy'): Promise<void> {
  addresses.gives(name);
  await dockerCalls(node, way).remove(name);
}

async function endsWith(place: Place, status: number, body: object): Promise<void> {
  const docker = dockerCalls(place.node);
  await docker.create(place.name, { Image: 'busybox', ...body });
  const ended = docker.wait(place.name, 'next-exit');
  ended.catch(() => undefined);
  await docker.start(place.name);
  const got = await ended;
  if (got === status) return;
  const said = await docker.logs(place.name).catch(() => '');
  throw new Error(`${place.name} ended with ${got} instead of ${status}: ${said}`);
}

async function endsByItself(place: Place): Promise<void> {
  await endsWith(place, 0, { Cmd: ['true'], ...on(either(place.dice), { AutoRemove: true }) });
}

/** Its first packet of all goes to a container on any host, by name. */
async function asksAnother(place: Place): Promise<void> {
  const ping = ['ping', '-c', '1', '-W', '20', place.dice.pick(place.survivors)];
  await endsWith(place, 0, { Cmd: ping, ...on(WEB.id) });
}

async function removedByForce(place: Place): Promise<void> {
  await sleeps(place, on(either(place.dice)));
  await removed(place);
}

async function pastTheProxy(place: Place): Promise<void> {
  await sleeps(place, on(either(place.dice)), 'docker');
  await removed(place, 'docker');
}

async function restartedAndStopped(place: Place): Promise<void> {
  const { node, name, addresses } = place;
  const docker = dockerCalls(node);
  const before = addressesIn(await sleeps(place, on(WEB.id)));
  await docker.call('POST', `/containers/${name}/restart?t=0`);
  const after = addressesIn(await isUp(place));
  if (after[WEB.id] !== before[WEB.id])
    throw new Error(`${name} had ${before[WEB.id]}, and ${after[WEB.id]} after a restart`);
  addresses.gives(name);
  await docker.call('POST', `/containers/${name}/stop?t=0`);
  await removed(place);
}

async function diesAndIsRestarted(place: Place): Promise<void> {
  const { node, name } = place;
  const { State } = await sleeps(place, on(either(place.dice), { RestartPolicy: { Name: 'always' } }));
  await node.run(['kill', '-9', String(State.Pid)], { reject: false });
  await removed({ ...place, name });
}

async function doesNotStart({ node, name, dice }: Place): Promise<void> {
  const docker = dockerCalls(node);
  await docker.create(name, { Image: 'busybox', Cmd: ['no-such-command'], ...on(either(dice)) });
  await docker.start(name).then(
    () => {
      throw new Error(`${name} has started without a program`);
    },
    (error: unknown) => {
      if (!(error instanceof DockerRefusal && /no-such-command/.test(error.message))) throw error;
    },
  );
  await docker.remove(name);
}

async function neverStarted(place: Place): Promise<void> {
  await dockerCalls(place.node).create(place.name, { ...SLEEP, ...on(either(place.dice)) });
  await removed(place);
}

/** Containers on all hosts want the same few addresses: the second is refused. */
async function wantsAnAddress(place: Place): Promise<void> {
  const address = wantedAddress(place.dice.between(1, WANTED));
  const EndpointsConfig = { [WEB.id]: { IPAMConfig: { IPv4Address: address } } };
  try {
    await sleeps(place, { ...on(WEB.id), NetworkingConfig: { EndpointsConfig } });
  } catch (error) {
    const isTaken = error instanceof DockerRefusal && /in use|belongs|already|taken/.test(error.message);
    if (!isTaken) throw error;
  }
  await removed(place);
}

async function publishes(place: Place): Promise<void> {
  const PortBindings = { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] };
  await sleeps(place, { ExposedPorts: { '80/tcp': {} }, ...on(WEB.id, { PortBindings }) });
  await removed(place);
}

async function movesAbout(place: Place): Promise<void> {
  const { node, name, addresses } = place;
  const docker = dockerCalls(node);
  await sleeps(place, on(WEB.id));
  await docker.call('POST', `/networks/${APPS.id}/connect`, { Container: name });
  await isUp(place);
  await docker.call('POST', `/containers/${name}/rename?name=${name}-renamed`);
  addresses.gives(name);
  await docker.call('POST', `/networks/${WEB.id}/disconnect`, { Container: `${name}-renamed`, Force: true });
  await removed({ ...place, name: `${name}-renamed` });
}

/** Its client goes away in the middle of a call. */
async function losesItsClient(place: Place): Promise<void> {
  const { node, name, dice } = place;
  await dockerCalls(node).create(name, { ...SLEEP, ...on(either(dice)) });
  const argv = ['busybox', 'timeout', '-s', 'KILL', '0.1', 'docker', '-H', PROXY, 'start', name];
  await node.run(argv, { reject: false });
  await removed(place);
}
async function byTheCommand({ node, name, dice }: Place): Promise<void> {
  await node.sp(['run', '--rm', '--network', either(dice), '--name', name, 'busybox', 'true']);
}

async function onANetworkOfItsOwn(place: Place): Promise<void> {
  const { node, name } = place;
  const docker = dockerCalls(node);
  await docker.call('POST', '/networks/create', { Name: name, Driver: 'socketplane' });
  await sleeps(place, on(name));
  await removed(place);
  await docker.call('DELETE', `/networks/${name}`);
}

/** Kinds of lives, by how often each is lived. */
export const LIVES: readonly (readonly [weight: number, life: Life])[] = [
  [20, endsByItself],
  [20, asksAnother],
  [20, removedByForce],
  [10, pastTheProxy],
  [8, restartedAndStopped],
  [5, diesAndIsRestarted],
  [4, doesNotStart],
  [3, neverStarted],
  [10, wantsAnAddress],
  [5, publishes],
  [5, movesAbout],
  [4, losesItsClient],
  [3, byTheCommand],
  [3, onANetworkOfItsOwn],
];

/** Everything that a life may leave, by name. */
export const leavings = (name: string) => ({ containers: [name, `${name}-renamed`], networks: [name] });
