import { fileURLToPath } from 'node:url';
import { ExitStatus } from './exit-status.js';
import { becomeRoot } from './root.js';
import { messageOf } from '../base/errors.js';
import { createRun } from '../os/exec.js';
import { silentLog } from '../base/log.js';
import { forgetDockerSettings } from '../install/system/docker-settings.js';
import { ensureImageTar } from '../install/image/image.js';
import { hostPaths } from '../base/paths.js';

// `npm run image`: progress goes to standard error; standard output is the path of the image's tar.

const NAME = 'npm run image';

try {
  const caller = { uid: process.getuid?.() ?? 0, env: process.env, argv: [], command: NAME };
  await becomeRoot(caller, fileURLToPath(import.meta.url));
  process.umask(0o022);
  forgetDockerSettings(process.env);
  const tar = await ensureImageTar({
    run: createRun(silentLog),
    dockerSocket: hostPaths.dockerSocket,
    say: (line) => process.stderr.write(`${line}\n`),
  });
  process.stdout.write(`${tar}\n`);
} catch (error) {
  if (!(error instanceof ExitStatus)) process.stderr.write(`${NAME}: ${messageOf(error)}\n`);
  process.exitCode = error instanceof ExitStatus ? error.status : 1;
}
