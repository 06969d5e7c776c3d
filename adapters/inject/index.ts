import { z } from 'zod';
import { defineAdapter } from '../../lib/adapter/index.js';

const options = z.strictObject({
  /** Labels for every new container; those that the user set stay. */
  labels: z.record(z.string(), z.string()).default({}),
  /** Variables for every new container; those that the user set stay. */
  env: z.record(z.string().regex(/^[^=]+$/, 'expected a name without ='), z.string()).default({}),
});

const createBody = z.looseObject({
  Labels: z.record(z.string(), z.string()).nullish(),
  Env: z.array(z.string()).nullish(),
});

/**
 * Adds labels and environment variables to every new container. For `POST /containers/create`, before Docker:
 * `inject: { module: socketplane/adapters/inject, options: { labels: { team: a }, env: { TZ: UTC } } }`
 */
export default defineAdapter((setup) => {
  const { labels, env } = options.parse(setup.options ?? {});
  return {
    pre({ ClientRequest }) {
      const body = createBody.safeParse(ClientRequest.Body);
      // Docker explains what is wrong with it better than we could.
      if (!body.success) return undefined;
      const own = body.data.Env ?? [];
      const names = new Set(own.map((line) => line.split('=', 1)[0]));
      const added = Object.entries(env).filter(([name]) => !names.has(name));
      return {
        ModifiedClientRequest: {
          Body: {
            ...body.data,
            Labels: { ...labels, ...body.data.Labels },
            Env: [...own, ...added.map(([name, value]) => `${name}=${value}`)],
          },
        },
      };
    },
  };
});
