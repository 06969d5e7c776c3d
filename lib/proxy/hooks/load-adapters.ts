import { AppError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { createCallerOf, type CallerOf } from '../client/caller.js';
import { hookedCalls } from '../config/check.js';
import type { ProxyConfig } from '../config/config.js';
import type { HookedEndpoint } from '../config/match.js';
import type { HookAdapter } from './adapter.js';
import { createHttpAdapter } from './http-adapter.js';
import { loadModule } from './load-module.js';
import { createModuleAdapter } from './module-adapter.js';
import { restAfterTimeout } from './rest-after-timeout.js';
import type { ModuleFile } from '../config/adapter-config.js';
import { withStandIn } from './with-stand-in.js';
import { protocol1 } from './protocol-1.js';
import { protocol2 } from './protocol-2.js';

/** How long a call waits for an adapter without which it can go on, unless its own `timeout` says so. */
const SPARED_MS = 5_000;

/** How much longer a reply may be than the body in it: in a JSON string every byte can take six. */
const ESCAPED = 6;

/**
 * All adapters of a configuration, and the function that tells them who is calling.
 *
 * @throws AppError when one cannot be loaded, or when adapters want to know who is calling and that cannot be found out
 */
export async function loadAdapters(
  config: ProxyConfig,
  log: Log,
): Promise<{ adapters: Map<string, HookAdapter>; callerOf: CallerOf | undefined }> {
  const callerOf = await tellCallers(config);
  return { adapters: await createAdapters(config, log), callerOf };
}

async function createAdapters(config: ProxyConfig, log: Log): Promise<Map<string, HookAdapter>> {
  const adapters = new Map<string, HookAdapter>();
  try {
    for (const name of config.adapters.keys()) {
      adapters.set(name, restAfterTimeout(await createAdapter(name, config, log)));
    }
  } catch (error) {
    await Promise.all([...adapters.values()].map((adapter) => adapter.retire()));
    throw error;
  }
  return adapters;
}

async function createAdapter(name: string, config: ProxyConfig, log: Log): Promise<HookAdapter> {
  const { hookBody, adapterTimeout } = config.limits;
  const adapter = config.adapters.get(name)!;
  const { onFailure } = adapter;
  const longest = onFailure === 'ignore' ? Math.min(adapterTimeout, SPARED_MS) : adapterTimeout;
  const { timeout = longest } = adapter;
  const sides = (['pre', 'post'] as const).filter((side) =>
    config.endpoints.some((endpoint) => endpoint[side].includes(name)),
  );
  const inProcess = async (module: ModuleFile, options?: unknown): Promise<HookAdapter> => {
    const calls = callsOf(name, config.endpoints);
    const setup = { name, options, directory: config.directory, calls, onFailure, log };
    const hooks = await loadModule(module, setup);
    const missing = sides.find((side) => !hooks[side]);
    if (missing === undefined) return createModuleAdapter({ name, hooks, timeout, onFailure, log });
    const endpoint = config.endpoints.find((candidate) => candidate[missing].includes(name));
    throw new AppError(
      'invalid',
      `adapter ${name} (${module.text}) has no function ${missing}, but ${endpoint?.pattern} has it under ${missing}`,
    );
  };
  if (!('url' in adapter)) return inProcess(adapter.module, adapter.options);
  const protocol = adapter.protocol === 2 ? protocol2 : protocol1;
  const maxReply = ESCAPED * hookBody + 2 ** 20;
  const asked = createHttpAdapter({ name, url: adapter.url, protocol, timeout, onFailure, maxReply });
  return adapter.standIn ? withStandIn(asked, await inProcess(adapter.standIn)) : asked;
}

/** Which of Docker's calls an adapter is asked about, before and after Docker. */
export function callsOf(name: string, endpoints: HookedEndpoint[]): { pre: string[]; post: string[] } {
  const hooked = hookedCalls(endpoints);
  const on = (side: 'pre' | 'post') =>
    hooked.filter((call) => call[side].includes(name)).map(({ call }) => call);
  return { pre: on('pre'), post: on('post') };
}

/** If adapters may depend on the caller, not knowing it is a reason not to start; otherwise only the log lacks it. */
async function tellCallers({ adapters }: ProxyConfig): Promise<CallerOf | undefined> {
  const wanted = [...adapters.values()].some(
    (adapter) => 'module' in adapter || adapter.standIn || adapter.protocol === 2,
  );
  if (!wanted && adapters.size === 0) return undefined;
  return createCallerOf().catch((error: unknown) => {
    if (wanted) throw error;
    return undefined;
  });
}
