import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { messageOf } from '../../../lib/base/errors.js';
import { withHostLock } from '../../../lib/install/system/host-lock.js';

describe('the lock of installs', () => {
  let folder: string;
  beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'lock-'))));
  afterEach(() => rm(folder, { recursive: true }));

  it('lets one in at a time, says so to others, and is free after a failure', async () => {
    let end = (_error: Error) => undefined as void;
    let inside = () => undefined as void;
    const isInside = new Promise<void>((resolve) => (inside = resolve));
    const first = withHostLock(
      () => new Promise<void>((_resolve, reject) => (inside(), (end = reject))),
      folder,
    );
    await isInside;
    expect(await withHostLock(async () => 'done', folder).catch(messageOf)).to.match(
      /^another install, uninstall or clean is running on this host/,
    );
    end(new Error('failed'));
    expect(await first.catch(messageOf)).to.equal('failed');
    expect(await withHostLock(async () => 'done', folder)).to.equal('done');
  });
});
