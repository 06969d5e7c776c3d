/** Loaded before unit tests (`mocha --require`): what they leave in the folder of temporary files goes when they end. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Short: sockets are made in it, whose paths have a limit.
const folder = mkdtempSync(join(tmpdir(), 'unit-'));
// Some tests run programs as another user.
chmodSync(folder, 0o711);
process.env['TMPDIR'] = folder;
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
