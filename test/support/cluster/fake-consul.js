#!/usr/bin/env node
// Behaves towards this host's agent as `consul agent` does: reads its configuration, keeps data, answers on its socket,
// leaves when told, ends on SIGTERM. Files beside the socket make it misbehave: `broken` (cannot start), `deaf` (runs,
// but answers nothing), `stubborn` (ignores SIGTERM and does not leave).
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { setTimeout } from 'node:timers';

const config = JSON.parse(readFileSync(process.argv[3].replace('-config-file=', ''), 'utf8'));
const socket = config.addresses.http.replace('unix://', '');
const is = (state) => existsSync(join(dirname(socket), state));
const data = (name) => join(config.data_dir, name);

if (is('broken')) {
  process.stderr.write('==> Starting Consul agent...\n==> Failed to start: no such address\n');
  process.exit(1);
}

mkdirSync(data('raft'), { recursive: true });
writeFileSync(data('raft/raft.db'), 'peers');
appendFileSync(data('starts'), `${process.pid}\n`);
process.stdout.write('a line of its log\n');
process.on('SIGTERM', () => {
  if (!is('stubborn')) process.exit(0);
});

const members = [
  { Name: config.node_name, Addr: config.bind_addr, Status: 1, Tags: { role: 'consul', build: '1.8.7:abc' } },
  { Name: 'gone', Addr: '192.0.2.9', Status: 4, Tags: { role: 'node' } },
];
const servers = [
  { ID: config.node_name, Voter: true, Leader: true },
  { ID: 'joining', Voter: false, Leader: false },
];
const answers = {
  'GET /v1/agent/self': () => ({}),
  'GET /v1/status/leader': () => (is('leaderless') ? '' : '192.0.2.1:6677'),
  'GET /v1/agent/members': () => members,
  'GET /v1/operator/raft/configuration': () => ({ Servers: servers }),
  'PUT /v1/agent/join/192.0.2.2': () => undefined,
  'PUT /v1/agent/force-leave/gone': () => appendFileSync(data('force-left'), 'gone\n'),
  'PUT /v1/agent/leave': () => {
    writeFileSync(join(dirname(socket), 'left'), '');
    if (!is('stubborn')) setTimeout(() => process.exit(0), 20);
  },
};
rmSync(socket, { force: true });
createServer((request, response) => {
  if (is('deaf')) return;
  const answer = answers[`${request.method} ${request.url.split('?')[0]}`];
  if (!answer) {
    response.writeHead(500, { 'content-type': 'text/plain' });
    response.end('1 error occurred:\n\t* Failed to join 192.0.2.3: refused\n\n');
    return;
  }
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(answer() ?? null));
}).listen(socket);
