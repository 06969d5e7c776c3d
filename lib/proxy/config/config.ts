import { dirname, isAbsolute, resolve } from 'node:path';
import { z } from 'zod';
import { hostPaths } from '../../base/paths.js';
import { readYaml } from '../../config/yaml.js';
import { isLocal, parseSocketAddress, type Address } from './address.js';
import { globMistake } from './glob.js';
import { adapterConfig } from './adapter-config.js';
import type { HookedEndpoint } from './match.js';
import { duration, size } from '../../config/units.js';

const unixAddress = (path: string): Address => ({ text: `unix://${path}`, kind: 'unix', path });

const address = z.string().transform((text, context): Address => {
  const parsed = parseSocketAddress(text);
  if (parsed) return parsed;
  context.addIssue({
    code: 'custom',
    message: 'expected unix:///path/to/socket, tcp://host:port or tls://host:port',
  });
  return z.NEVER;
});

const PEM = 'expected the absolute path of a PEM file';
const file = z.string(PEM).refine(isAbsolute, { error: PEM });

const names = z.array(z.string()).refine((list) => new Set(list).size === list.length, {
  error: 'an adapter is named twice',
});
const endpoint = z
  .strictObject({ pre: names.default([]), post: names.default([]) })
  .refine(({ pre, post }) => pre.length + post.length > 0, {
    error: 'expected adapters under pre or post: an endpoint without hooks does nothing',
  });

/** @param directory the file's directory; relative paths of modules start there */
export function proxyConfig(directory: string) {
  return z
    .strictObject({
      version: z.literal(1, 'expected version: 1'),
      listen: z
        .array(address)
        .min(1, 'expected at least one address')
        .default([unixAddress(hostPaths.proxySocket)]),
      /** Spelled out by people who really want to let anybody on the network be root on this host. */
      insecure: z.boolean().default(false),
      /** What `tls://` addresses show to clients; with `ca`, clients have to show a certificate that it signed. */
      tls: z.strictObject({ cert: file, key: file, ca: file.optional() }).optional(),
      /**
       * For Docker at a `tls://` address: the CA that signed its certificate (by default, any that this system trusts),
       * and the certificate to show to it.
       */
      upstreamTls: z
        .strictObject({ ca: file.optional(), cert: file.optional(), key: file.optional() })
        .refine(({ cert, key }) => (cert === undefined) === (key === undefined), {
          error: 'expected cert and key, or neither',
        })
        .default({}),
      /** Where Prometheus finds `/metrics`; a `unix://` or loopback `tcp://` address. */
      metrics: address.optional(),
      /** Where `powerstrip trace` finds the calls with hooks; a `unix://` or loopback `tcp://` address, or `off`. */
      trace: z
        .union([z.literal('off').transform(() => undefined), address])
        // A default would replace the undefined that `off` turns into.
        .prefault(`unix://${hostPaths.traceSocket}`),
      upstream: address.default(unixAddress(hostPaths.dockerSocket)),
      limits: z
        .strictObject({ hookBody: size.default(8 * 2 ** 20), adapterTimeout: duration.default(30_000) })
        .prefault({}),
      buildkit: z.enum(['allow', 'deny']).default('allow'),
      endpoints: z.record(z.string(), endpoint).default({}),
      adapters: z.record(z.string(), adapterConfig(directory)).default({}),
    })
    .check((context) => {
      const config = context.value;
      const refuse = (path: PropertyKey[], message: string) =>
        context.issues.push({ code: 'custom', path, message, input: config });
      for (const [index, { kind, text }] of config.listen.entries()) {
        const address = config.listen[index];
        if (address && kind === 'tcp' && !isLocal(address) && !config.insecure) {
          refuse(
            ['listen', index],
            `${text} would make everybody who reaches it root: expected a loopback address, or insecure: true`,
          );
        }
        if (address && kind === 'tls' && !config.tls) {
          refuse(['listen', index], `${text} needs a certificate: expected tls: { cert, key, ca }`);
        }
        if (address && kind === 'tls' && !isLocal(address) && !config.tls?.ca && !config.insecure) {
          refuse(
            ['listen', index],
            `${text} would make everybody who reaches it root: expected tls.ca, so that clients need a certificate, or insecure: true`,
          );
        }
        if (config.listen.findIndex((other) => other.text === text) < index)
          refuse(['listen', index], 'is listed twice');
        if (text === config.upstream.text)
          refuse(['listen', index], 'is the upstream: the proxy would call itself');
      }
      for (const key of ['metrics', 'trace'] as const) {
        const own = config[key];
        if (own && (own.kind === 'tls' || (!isLocal(own) && !config.insecure))) {
          refuse([key], `${own.text}: expected unix:///path/to/socket or a loopback tcp:// address`);
        }
        if (own && config.listen.some(({ text }) => text === own.text)) {
          refuse([key], 'is listed under listen too');
        }
      }
      for (const [pattern, hooks] of Object.entries(config.endpoints)) {
        const mistake = globMistake(pattern);
        if (mistake) refuse(['endpoints', pattern], mistake);
        for (const side of ['pre', 'post'] as const) {
          for (const [index, name] of hooks[side].entries()) {
            if (Object.hasOwn(config.adapters, name)) continue;
            refuse(['endpoints', pattern, side, index], `adapter ${name} is not defined under adapters`);
          }
        }
      }
    })
    .transform(({ endpoints, adapters, ...rest }) => ({
      ...rest,
      directory,
      endpoints: Object.entries(endpoints).map(([pattern, hooks]): HookedEndpoint => ({ pattern, ...hooks })),
      adapters: new Map(Object.entries(adapters)),
    }));
}
export type ProxyConfig = z.infer<ReturnType<typeof proxyConfig>>;

/** @throws AppError `notFound` or `invalid`, with one line that names the file, the place in it and what was expected */
export function readProxyConfig(file: string): Promise<ProxyConfig> {
  return readYaml(file, proxyConfig(dirname(resolve(file))));
}
