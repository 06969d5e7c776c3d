import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { messageOf } from '../../../../lib/base/errors.js';
import { readAll } from '../../../../lib/proxy/http/read-all.js';

describe('reading a stream to its end', () => {
  const read = (stream: PassThrough, limit = 4) =>
    readAll(stream, limit, () => new Error('too large')).then(String, messageOf);

  it('gives all that came, up to the limit', async () => {
    const stream = new PassThrough();
    const all = read(stream);
    stream.write('ab');
    stream.end('cd');
    expect(await all).to.equal('abcd');
  });

  it('refuses more, and drops the rest so that the sender gets rid of it', async () => {
    const stream = new PassThrough({ highWaterMark: 16 });
    const all = read(stream);
    stream.write('abcde');
    expect(await all).to.equal('too large');
    for (let count = 0; count < 10; count++) {
      if (!stream.write('x'.repeat(16))) await new Promise((resolve) => stream.once('drain', resolve));
    }
    expect(stream.readableFlowing).to.equal(true);
  });

  it('fails with the stream, also when it closes without a word', async () => {
    const broken = new PassThrough();
    const all = read(broken);
    broken.destroy(new Error('broken'));
    expect(await all).to.equal('broken');
    const closed = new PassThrough();
    const none = read(closed);
    closed.destroy();
    expect(await none).to.match(/left before the body was complete/);
  });
});
