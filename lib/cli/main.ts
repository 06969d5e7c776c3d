import { forgetDockerSettings } from '../install/system/docker-settings.js';
import { withSystemFolders } from '../os/which.js';
import { runCli } from './cli.js';
import { processContext } from './context.js';

// `socketplane network list | head -1` is not an error.
process.stdout.on('error', () => process.exit(0));
process.env['PATH'] = withSystemFolders(process.env['PATH']);
const context = processContext();
// The context keeps the user's settings, for the user's own `docker`.
forgetDockerSettings(process.env);
process.exitCode = await runCli(context);
