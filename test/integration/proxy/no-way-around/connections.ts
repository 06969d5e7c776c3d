import { create, EVIL, length, PING, request, withHeaders, type Attacks } from './requests.js';

const H2_PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
/** SETTINGS without any. */
const H2_SETTINGS = '\0\0\0\x04\0\0\0\0\0';
const H2C = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'];

/** Calls behind other calls, and connections that are to become something else. */
export const connections: Attacks = {
  'an upgrade': withHeaders('Connection: Upgrade', 'Upgrade: tcp'),
  'an upgrade to h2c': withHeaders('Connection: Upgrade', 'Upgrade: h2c'),
  'half an upgrade': withHeaders('Upgrade: tcp'),
  'the other half': withHeaders('Connection: Upgrade'),
  'Connection that names headers': create('POST /containers/create', EVIL, [
    'Connection: Content-Type, Content-Length',
  ]),
  'behind a ping': `${PING}${create()}`,
  'behind a call with a body': `POST /networks/prune HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n\r\n{}${create()}`,
  'behind a HEAD': `${PING.replace('GET', 'HEAD')}${create()}`,
  'behind an exec that is not there': `${create('POST /exec/none/start', '{}', ['Connection: Upgrade', 'Upgrade: tcp'])}${create()}`,
  'behind an attach to nothing': `POST /containers/none/attach HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n${create()}`,
  'behind an attach in the old way': `POST /containers/none/attach HTTP/1.1\r\nHost: d\r\n\r\n${create()}`,
  'behind an upgrade of a ping': `${PING.replace('\r\n\r\n', '\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n')}${create()}`,
  'behind many pings': `${PING.repeat(20)}${create()}`,
  'behind a ping, and before one': `${PING}${create()}${PING}`,
  'behind a ping that closes': `${request('GET /_ping', ['Connection: close'], '')}${create()}`,
  'behind a ping that closes, in other words': `${request('GET /_ping', ['Connection: Keep-Alive, CLOSE'], '')}${create()}`,
  'behind a call that Docker does not know': `${request('GET /none', [], '')}${create()}`,
  'behind a call that Docker sends elsewhere': `${request('GET //_ping', [], '')}${create()}`,
  'behind a 304': `${request('POST /containers/none/start', [], '')}${create()}`,
  'behind an attach by websocket': `${request('GET /containers/none/attach/ws', ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=='], '')}${create()}`,
  'behind an upgrade of a call that Docker does not know': `${request('GET /none', ['Connection: Upgrade', 'Upgrade: tcp'], '')}${create()}`,
  'behind an upgrade of a call with a body': `${request('POST /networks/prune', ['Connection: Upgrade', 'Upgrade: tcp', 'Content-Length: 2'], '{}')}${create()}`,
  'behind an upgrade of a call in chunks': `${request('POST /networks/prune', ['Connection: Upgrade', 'Upgrade: tcp', 'Transfer-Encoding: chunked'], '0\r\n\r\n')}${create()}`,
  'behind an upgrade of a HEAD': `${request('HEAD /_ping', ['Connection: Upgrade', 'Upgrade: tcp'], '')}${create()}`,
  'behind an upgrade that keeps alive': `${request('GET /_ping', ['Connection: keep-alive, Upgrade', 'Upgrade: tcp'], '')}${create()}`,
  'behind an attach that keeps alive': `${request('POST /containers/none/attach', ['Connection: keep-alive', 'Keep-Alive: timeout=5'], '')}${create()}`,
  'behind an attach whose body is short': `${request('POST /containers/none/attach', ['Content-Length: 1'], 'x')}${create()}`,
  'behind a session that is refused': `${request('POST /session', [], '')}${create()}`,
  'behind Expect': `${request('POST /networks/prune', ['Expect: 100-continue', 'Content-Length: 2'], '{}')}${create()}`,
  'behind Expect on a call that Docker does not read': `${request('POST /none', ['Expect: 100-continue', length(create())], create())}${create()}`,
  'an upgrade that closes': withHeaders('Connection: close, Upgrade', 'Upgrade: tcp'),
  'an upgrade to several things': withHeaders('Connection: Upgrade', 'Upgrade: websocket, h2c, tcp'),
  'h2c with settings': withHeaders(...H2C),
  'behind h2c with settings': `${request('GET /_ping', H2C, '')}${create()}`,
  'behind h2c with settings and a preface': `${request('GET /_ping', H2C, '')}${H2_PREFACE}${H2_SETTINGS}${create()}`,
  'behind the preface of HTTP/2': `${H2_PREFACE}${create()}`,
  'behind the preface and settings of HTTP/2': `${H2_PREFACE}${H2_SETTINGS}${create()}`,
  'behind a ping and the preface of HTTP/2': `${PING}${H2_PREFACE}${H2_SETTINGS}${create()}`,
  'behind CONNECT': `CONNECT docker:80 HTTP/1.1\r\nHost: docker\r\n\r\n${create()}`,
  'Connection that names Transfer-Encoding': withHeaders('Connection: Transfer-Encoding, Host'),
};
