import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { AppError, messageOf } from '../../../lib/base/errors.js';
import { createOpenFlowClient } from '../../../lib/datapath/openflow/client.js';
import { encodeFlowMod } from '../../../lib/datapath/openflow/flow-mod.js';
import { createMessageReader, encode, TYPE, type Message } from '../../../lib/datapath/openflow/messages.js';

const PATIENCE_MS = 2_000;
const RULE = 'add cookie=0x1,table=0,priority=1,actions=drop';
const COMMIT = 4;

describe('changes to rules', () => {
  const refused: [line: string, why: RegExp][] = [
    ['remove cookie=0x1/-1', /^not a change to rules/],
    ['add cookie=0x1/-1,table=0,actions=drop', /^a cookie to add/],
    ['delete cookie=0x1', /^a cookie to delete/],
    ['add cookie=0x1,tp_dst=53,actions=drop', /^no field of rules is called tp_dst/],
    ['add cookie=0x1,actions=normal', /^no action of rules is called normal/],
    ['add cookie=0x1,actions=move:NXM_OF_ETH_SRC[]', /^a move has two fields/],
    ['add cookie=0x1,actions=set_field:1->vlan_pcp', /^no field of rules is called vlan_pcp/],
  ];
  for (const [line, why] of refused) {
    it(`are not sent when they cannot be read: ${line}`, () => {
      expect(() => encodeFlowMod(line)).to.throw(AppError, why);
    });
  }
});

describe('a stream of OpenFlow messages', () => {
  const messages = [
    encode(TYPE.hello, 1),
    encode(TYPE.error, 2, Buffer.from('abc')),
    encode(TYPE.echoReply, 3),
  ];
  const expected = [
    { type: TYPE.hello, xid: 1, body: '' },
    { type: TYPE.error, xid: 2, body: 'abc' },
    { type: TYPE.echoReply, xid: 3, body: '' },
  ];
  const textOf = (found: Message[]) => found.map((one) => ({ ...one, body: one.body.toString() }));

  it('is taken apart, wherever it is cut', () => {
    const all = Buffer.concat(messages);
    for (let at = 0; at <= all.length; at++) {
      const read = createMessageReader();
      const found = [...read(all.subarray(0, at)), ...read(all.subarray(at))];
      expect(textOf(found)).to.deep.equal(expected);
    }
  });

  it('is not followed where a length is impossible', () => {
    const broken = Buffer.from([5, 0, 0, 4, 0, 0, 0, 1]);
    expect(() => createMessageReader()(broken)).to.throw('a message of 4 bytes');
  });
});

describe('OpenFlow client', () => {
  let folder: string;
  let path: string;
  let server: Server;
  /** What the server does with each message. */
  let answer: (message: Message, socket: Socket) => void;
  let sockets: Socket[];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'openflow-test-'));
    path = join(folder, 'bridge.mgmt');
    sockets = [];
    answer = obey;
    server = createServer((socket) => {
      sockets.push(socket);
      const read = createMessageReader();
      socket.on('error', () => undefined);
      socket.on('data', (chunk: Buffer) => read(chunk).forEach((message) => answer(message, socket)));
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  });
  const create = () => {
    return createOpenFlowClient(path, PATIENCE_MS, (cause) => new AppError('unavailable', messageOf(cause)));
  };

  function obey({ type, xid, body }: Message, socket: Socket): void {
    if (type === TYPE.hello) socket.write(encode(TYPE.hello, 1));
    if (type === TYPE.barrierRequest) socket.write(encode(TYPE.barrierReply, xid));
    if (type === TYPE.bundleControl) socket.write(encode(TYPE.bundleControl, xid, reply(body)));
  }
  /** The answer's number is one above the question's. */
  function reply(body: Buffer): Buffer {
    const copy = Buffer.from(body);
    copy.writeUInt16BE(body.readUInt16BE(4) + 1, 4);
    return copy;
  }
  function refusal(type: number, code: number): Buffer {
    return Buffer.from([0, type, 0, code, 0, 0, 0, 0]);
  }

  it('uses one connection for all changes, and a new one when that has ended', async () => {
    const client = create();
    await Promise.all([client.bundle([RULE]), client.bundle([RULE])]);
    await client.bundle([RULE]);
    expect(sockets).to.have.length(1);
    const closed = client.closed(new AbortController().signal);
    sockets[0]?.destroy();
    await closed;
    expect(client.isConnected()).to.equal(false);
    await client.bundle([RULE]);
    expect([sockets.length, client.isConnected()]).to.deep.equal([2, true]);
  });

  it('answers whoever asks whether it is alive', async () => {
    const echoes: Message[] = [];
    answer = (message, socket) => {
      if (message.type === TYPE.echoReply) echoes.push(message);
      if (message.type === TYPE.barrierRequest)
        socket.write(encode(TYPE.echoRequest, 77, Buffer.from('abc')));
      obey(message, socket);
    };
    await create().bundle([RULE]);
    expect(echoes.map(({ xid, body }) => [xid, body.toString()])).to.deep.equal([[77, 'abc']]);
  });

  it('puts nothing in force where one change was refused, and says which', async () => {
    const controls: number[] = [];
    answer = (message, socket) => {
      if (message.type === TYPE.bundleControl) controls.push(message.body.readUInt16BE(4));
      const isBad = message.type === TYPE.bundleAdd && message.body.includes(Buffer.from([9, 9, 9, 9]));
      if (isBad) socket.write(encode(TYPE.error, message.xid, refusal(5, 1)));
      obey(message, socket);
    };
    const bad = 'add cookie=0x9090909,table=0,priority=2,actions=drop';
    expect(await create().bundle([RULE, bad, RULE]).catch(messageOf)).to.equal(
      `Open vSwitch refused ${bad}: OpenFlow error type 5, code 1`,
    );
    expect(controls).to.not.include(COMMIT);
  });

  it('says what was refused only in the end', async () => {
    const changes: number[] = [];
    answer = (message, socket) => {
      if (message.type === TYPE.bundleAdd) changes.push(message.xid);
      const isCommit = message.type === TYPE.bundleControl && message.body.readUInt16BE(4) === COMMIT;
      if (!isCommit) return obey(message, socket);
      socket.write(encode(TYPE.error, changes[1]!, refusal(5, 6)));
      socket.write(encode(TYPE.error, message.xid, refusal(17, 15)));
    };
    const bad = RULE.replace('priority=1', 'priority=2');
    expect(await create().bundle([RULE, bad]).catch(messageOf)).to.equal(
      `Open vSwitch refused ${bad}: OpenFlow error type 5, code 6`,
    );
  });

  const silent: [when: string, isSilent: (message: Message) => boolean][] = [
    ['at the greeting', () => true],
    ['when changes come', ({ type }) => type === TYPE.barrierRequest],
    ['at the end', ({ type, body }) => type === TYPE.bundleControl && body.readUInt16BE(4) === COMMIT],
  ];
  for (const [when, isSilent] of silent) {
    it(`gives up on an Open vSwitch that is silent ${when}, and goes on when it speaks again`, async () => {
      answer = (message, socket) => (isSilent(message) ? undefined : obey(message, socket));
      const client = create();
      const outcomes = [client.bundle([RULE]), client.bundle([RULE])].map((one) => one.catch(messageOf));
      for (const outcome of await Promise.all(outcomes))
        expect(outcome).to.match(/^no (answer|greeting) within 2000 ms/);
      expect(client.isConnected()).to.equal(false);
      answer = obey;
      await client.bundle([RULE]);
    });
  }

  it('fails at once where there is nobody, or whoever is there hangs up', async () => {
    answer = (_message, socket) => socket.destroy();
    expect(await create().bundle([RULE]).catch(messageOf)).to.be.a('string');
    path = join(folder, 'nothing');
    expect(await create().bundle([RULE]).catch(messageOf)).to.match(/ENOENT/);
    await create().closed(new AbortController().signal);
  });
});
