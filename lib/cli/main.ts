import { forgetDockerSettings } from '../install/system/docker-settings.js';
import { withSystemFolders } from '../os/which.js';
import { runCli } from './cli.js';
import { processContext } from './context.js';

// `socketplane network list | head -1` is no error.
process.stdout.on('error', () => process.exit(0));
process.env['PATH'] = withSystemFolders(process.env['PATH']);
const context = processContext();
// The context still has the user's, for the user's own `docker`.
forgetDockerSettings(process.env);
process.exitCode = await runCli(context);
