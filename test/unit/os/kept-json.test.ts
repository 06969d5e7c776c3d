import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { z } from 'zod';
import type { Log } from '../../../lib/base/log.js';
import { keepJson } from '../../../lib/os/kept-json.js';
import { until } from '../../support/until.js';

describe('a value kept in a file', () => {
  it('is written when that has become possible, the latest of all, and the failure is said once', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kept-'));
    const file = join(folder, 'kept.json');
    const lines: string[] = [];
    const say = (line: string) => void lines.push(line);
    const log = { error: say, warn: say, info: say, debug: say } as unknown as Log;
    // Something is in the way, as with a disk that is full.
    await mkdir(join(file, 'in-the-way'), { recursive: true });
    const kept = keepJson(file, z.array(z.number()), 'the record', log);
    await kept.write(() => [1]);
    await kept.write(() => [1, 2]);
    await rm(file, { recursive: true });
    await until('the file', async () => (await readFile(file, 'utf8')) === '[1,2]');
    await until('word of it', () => lines.length === 2);
    expect(lines).to.deep.equal(['the record is not written, trying again', 'the record is written again']);
    expect(kept.read()).to.deep.equal([1, 2]);
    await rm(folder, { recursive: true });
  });
});
