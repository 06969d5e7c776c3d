import { AppError } from '../../base/errors.js';
import { silentLog } from '../../base/log.js';
import type { HookAdapter } from '../../proxy/hooks/adapter.js';
import { globMistake } from '../../proxy/config/glob.js';
import { parseAdapterUrl } from '../../proxy/config/adapter-url.js';
import { createHttpAdapter } from '../../proxy/hooks/http-adapter.js';
import { callsOf } from '../../proxy/hooks/load-adapters.js';
import { makeHooks } from '../../proxy/hooks/load-module.js';
import { createModuleAdapter } from '../../proxy/hooks/module-adapter.js';
import { protocol1 } from '../../proxy/hooks/protocol-1.js';
import { protocol2 } from '../../proxy/hooks/protocol-2.js';
import type { HookedEndpoint } from '../../proxy/config/match.js';
import type { AdapterModule } from '../../hook/module.js';

/** As in proxy.yml, for settings that exist there too. */
export interface AdapterSettings {
  /** `adapter` when not set. */
  name?: string;
  /** Which calls it is asked about, before or after Docker; when not set, all calls, by all its hooks. */
  endpoints?: Record<string, ('pre' | 'post')[]>;
  /** The options of a module. */
  options?: unknown;
  /** Where relative paths in options start, as the folder of proxy.yml; the working directory when not set. */
  directory?: string;
  /** The protocol of an adapter at a URL; 1 when not set. */
  protocol?: 1 | 2;
  /** Milliseconds for one hook; 30,000 when not set. */
  timeout?: number;
  onFailure?: 'fail' | 'ignore';
}

const EVERY_CALL = '* /*';
const MAX_REPLY = 64 * 2 ** 20;

/** @throws AppError with the message that the proxy would fail to start with */
export async function createAdapter(
  from: AdapterModule | string,
  settings: AdapterSettings,
): Promise<{ adapter: HookAdapter; endpoints: HookedEndpoint[] }> {
  const { name = 'adapter', timeout = 30_000, onFailure = 'fail' } = settings;
  const asked = (sides: ('pre' | 'post')[], pattern = EVERY_CALL): HookedEndpoint => ({
    pattern,
    pre: sides.includes('pre') ? [name] : [],
    post: sides.includes('post') ? [name] : [],
  });
  const given =
    settings.endpoints && Object.entries(settings.endpoints).map(([pattern, sides]) => asked(sides, pattern));
  for (const { pattern } of given ?? []) {
    const mistake = globMistake(pattern);
    if (mistake) throw new AppError('invalid', `endpoints.${pattern}: ${mistake}`);
  }
  const both = [asked(['pre', 'post'])];
  if (typeof from === 'string') {
    const url = parseAdapterUrl(from);
    if (!url) throw new AppError('invalid', `${from} is not the URL of an adapter`);
    const protocol = settings.protocol === 2 ? protocol2 : protocol1;
    const adapter = createHttpAdapter({ name, url, protocol, timeout, onFailure, maxReply: MAX_REPLY });
    return { adapter, endpoints: given ?? both };
  }
  const { options, directory = process.cwd() } = settings;
  const calls = callsOf(name, given ?? both);
  const hooks = await makeHooks(from, 'a module', {
    name,
    options,
    directory,
    calls,
    onFailure,
    log: silentLog,
  });
  const has = (['pre', 'post'] as const).filter((side) => hooks[side]);
  const adapter = createModuleAdapter({ name, hooks, timeout, onFailure, log: silentLog });
  return { adapter, endpoints: given ?? [asked(has)] };
}
