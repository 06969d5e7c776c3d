// A name server for the world outside: it knows one name, and answers at once that there is no other.
import { createSocket } from 'node:dgram';
import { encode, decode, AUTHORITATIVE_ANSWER } from 'dns-packet';

const ADDRESS = '203.0.113.1';
const NXDOMAIN = 3;

const socket = createSocket('udp4');
socket.on('message', (message, from) => {
  const { id, questions } = decode(message);
  const { name, type } = questions[0];
  const known = name === 'outside.example';
  const answers = known && type === 'A' ? [{ name, type, ttl: 60, data: ADDRESS }] : [];
  const flags = AUTHORITATIVE_ANSWER | (known ? 0 : NXDOMAIN);
  socket.send(encode({ type: 'response', id, flags, questions, answers }), from.port, from.address);
});
socket.bind(53, ADDRESS);
