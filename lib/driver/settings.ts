import { z } from 'zod';
import type { NetworkSettings } from '../base/model.js';
import type { DockerNetwork } from '../docker/docker.js';
import { GENERIC, INTERNAL, type CreateNetwork } from './messages.js';

const strings = z.record(z.string(), z.string());

/** A map of strings in a message; empty when it is none. */
export function stringsIn(value: unknown): Record<string, string> {
  const parsed = strings.safeParse(value);
  return parsed.success ? parsed.data : {};
}

/** What a network's creator has chosen, as Docker tells the driver: without labels, which it keeps to itself. */
export function settingsOf({ Options, IPv4Data }: CreateNetwork): NetworkSettings | undefined {
  const [data] = IPv4Data ?? [];
  return tidy({
    internal: Options?.[INTERNAL] === true,
    options: stringsIn(Options?.[GENERIC]),
    aux: withoutPrefixes(data?.AuxAddresses ?? {}),
  });
}

/** The same, of a network that Docker has made. */
export function settingsOfDocker({ internal, gateway, options, labels, aux, range }: DockerNetwork) {
  const namesGateway = gateway !== undefined;
  return tidy({ internal, namesGateway, options, labels, aux: withoutPrefixes(aux), range });
}

/** Only what was chosen; undefined when nothing was. */
export function tidy(chosen: NetworkSettings): NetworkSettings | undefined {
  const settings: NetworkSettings = {
    ...(chosen.internal && { internal: true }),
    ...(chosen.namesGateway && { namesGateway: true }),
    ...(chosen.range && { range: chosen.range }),
    ...(hasKeys(chosen.aux) && { aux: chosen.aux }),
    ...(hasKeys(chosen.labels) && { labels: chosen.labels }),
    ...(hasKeys(chosen.options) && { options: chosen.options }),
  };
  return hasKeys(settings) ? settings : undefined;
}

function hasKeys(value: object | undefined): boolean {
  return Object.keys(value ?? {}).length > 0;
}

function withoutPrefixes(addresses: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(addresses).map(([name, ip]) => [name, ip.split('/')[0] ?? ip]));
}
