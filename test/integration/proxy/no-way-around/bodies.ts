import { create, EVIL, type Attacks } from './requests.js';

/** JSON that dockerd reads in its own way. */
export const bodies: Attacks = {
  'keys in lower case': create(undefined, EVIL.toLowerCase()),
  'keys in escapes': create(undefined, EVIL.replace('"HostConfig"', '"\\u0048ostConfig"')),
  'keys that fold in Unicode': create(undefined, EVIL.replace('HostConfig', 'Ho\u017ftConfig')),
  'a key that comes twice, the good one last': create(
    undefined,
    EVIL.replace(/}$/, ',"HostConfig":{"NetworkMode":"none"}}'),
  ),
  'a key that comes twice, the good one first': create(
    undefined,
    EVIL.replace('"HostConfig"', '"HostConfig":{},"hostconfig"'),
  ),
  'Privileged that comes twice': create(undefined, EVIL.replace('true,', 'true,"privileged":false,')),
  'Privileged, then null': create(undefined, EVIL.replace('true,', 'true,"Privileged":null,')),
  'HostConfig at the top': create(undefined, EVIL.replace(/"HostConfig":\{(.*)\}\}/, '$1}')),
  'HostConfig at the top, beside null': create(
    undefined,
    EVIL.replace(/"HostConfig":\{(.*)\}\}/, '"HostConfig":null,$1}'),
  ),
  'HostConfig at the top, in another case': create(
    undefined,
    EVIL.replace(/"HostConfig":\{(.*)\}\}/, '$1}').replace('Privileged', 'privileged'),
  ),
  'Privileged at the top, twice': create(
    undefined,
    EVIL.replace(/"HostConfig":\{(.*)\}\}/, '"privileged":false,$1}'),
  ),
  'bytes behind the object': create(undefined, `${EVIL}{}`),
  'a good object behind the object': create(undefined, `${EVIL}{"Image":"busybox"}`),
  'a mark in front': create(undefined, `\ufeff${EVIL}`),
  'keys with a dotless i and a sharp s': create(undefined, EVIL.replace('Privileged', 'Pr\u0131vileged')),
  'HostConfig in a list': create(undefined, `[${EVIL}]`),
  'HostConfig in a text': create(undefined, JSON.stringify(EVIL)),
  'HostConfig that is a text': create(
    undefined,
    EVIL.replace(/(\{"Priv.*?\})/, (object) => JSON.stringify(object)),
  ),
  'Privileged that is a text': create(undefined, EVIL.replace('true,', '"true",')),
  'Privileged that is a number': create(undefined, EVIL.replace('true,', '1,')),
  'a null object behind the object': create(undefined, `${EVIL}null`),
  'blanks that are none for JSON': create(undefined, EVIL.replace(':', ':\u00a0')),
  'a key with a broken surrogate': create(undefined, EVIL.replace('{', '{"\\ud800HostConfig":1,')),
};
