import { decode, encode, type Packet } from 'dns-packet';
import { expect } from 'chai';
import fc from 'fast-check';
import {
  announcementsIn,
  answersOf,
  asksForMembers,
  SERVICE,
  type Announcement,
} from '../../../../lib/cluster/discovery/message.js';

const said: Announcement = {
  hostId: '8fdd496f-8ae1-458c-8919-c23c68315fa5',
  cluster: 'one',
  fingerprint: '0123456789abcdef',
  port: 6676,
};
const overTheWire = (packet: Packet): Packet => decode(encode(packet));
const respond = (answers: Packet['answers']) => announcementsIn(overTheWire({ type: 'response', answers }));

describe('announcements over multicast DNS', () => {
  it('are understood by others', () => {
    expect(respond(answersOf(said, '10.0.0.1'))).to.deep.equal([{ ...said, gone: false }]);
    expect(respond(answersOf(said, '10.0.0.1', 0))).to.deep.equal([{ ...said, gone: true }]);
  });

  it('are asked for by the name of the service', () => {
    const question = (name: string) => overTheWire({ type: 'query', questions: [{ name, type: 'PTR' }] });
    expect(asksForMembers(question(SERVICE))).to.equal(true);
    expect(asksForMembers(question(SERVICE.toUpperCase()))).to.equal(true);
    expect(asksForMembers(question('_http._tcp.local'))).to.equal(false);
    expect(asksForMembers({ type: 'query' })).to.equal(false);
  });

  it('are not made of records that lack something, or of others’', () => {
    const name = `${said.hostId}.${SERVICE}`;
    const texts = [`host=${said.hostId}`, 'cluster=one', 'key=0123456789abcdef', 'port=6676'];
    const wrong = [
      [],
      ['host'],
      ['='],
      ...texts.map((text) => texts.filter((other) => other !== text)),
      texts.map((text) => text.replace('port=6676', 'port=99999')),
      texts.map((text) => text.replace('0123', 'zzzz')),
      texts.map((text) => text.replace('cluster=one', `cluster=${'x'.repeat(200)}`)),
    ];
    for (const data of wrong) expect(respond([{ type: 'TXT', name, data }]), data.join()).to.deep.equal([]);
    expect(respond([{ type: 'TXT', name: 'x._http._tcp.local', data: texts }])).to.deep.equal([]);
    expect(respond([{ type: 'A', name, data: '10.0.0.1' }])).to.deep.equal([]);
  });

  it('survive whatever decodes', () => {
    const packet = encode({ type: 'response', answers: answersOf(said, '10.0.0.1') });
    const damage = fc.array(fc.tuple(fc.nat(packet.length - 1), fc.nat(255)), { maxLength: 8 });
    fc.assert(
      fc.property(fc.oneof(damage, fc.uint8Array({ maxLength: 600 })), (input) => {
        const bytes = Buffer.from(input instanceof Uint8Array ? input : packet);
        if (!(input instanceof Uint8Array)) for (const [at, byte] of input) bytes[at] = byte;
        let decoded: Packet;
        try {
          decoded = decode(bytes);
        } catch {
          return; // The socket drops it.
        }
        for (const { cluster } of announcementsIn(decoded)) expect(cluster.length).to.be.within(1, 63);
        asksForMembers(decoded);
      }),
      { numRuns: 2_000 },
    );
  });
});
