import { expect } from 'chai';
import { messageOf } from '../../../lib/base/errors.js';
import { VERSION } from '../../../lib/base/version.js';
import { ensureImage } from '../../../lib/install/image/image.js';

describe('the image', () => {
  it('cannot be made without Docker, and says what to do', async () => {
    const made = ensureImage({
      run: () => Promise.reject(new Error('nothing can be run')),
      dockerSocket: '/nowhere/docker.sock',
      say: () => undefined,
    });
    expect(await made.catch(messageOf)).to.equal(
      `the image socketplane:${VERSION} cannot be made: Docker does not answer on /nowhere/docker.sock ` +
        '(connect ENOENT /nowhere/docker.sock): start it, for example with `systemctl start docker`, and try again',
    );
  });
});
