import { messageOf } from '../errors.js';
import { createRun } from '../exec.js';
import { silentLog } from '../log.js';
import { ensureImageTar } from './image.js';
import { hostPaths } from './paths.js';

// `npm run image`: what is done goes to standard error, the last line is the image's tar.

try {
  const tar = await ensureImageTar({
    run: createRun(silentLog),
    dockerSocket: hostPaths.dockerSocket,
    say: (line) => process.stderr.write(`${line}\n`),
  });
  process.stdout.write(`${tar}\n`);
} catch (error) {
  process.stderr.write(`npm run image: ${messageOf(error)}\n`);
  process.exitCode = 1;
}
