// The least that a proxy in Node can do: pass bytes from one socket to another, without reading them.
import net from 'node:net';
import process from 'node:process';

const [port, socket, upstream] = process.argv.slice(2);
for (const address of [{ port: Number(port), host: '127.0.0.1' }, { path: socket }]) {
  net
    .createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
      const docker = net.connect({ path: upstream, allowHalfOpen: true });
      client.pipe(docker).pipe(client);
      client.on('error', () => docker.destroy());
      docker.on('error', () => client.destroy());
      client.on('close', () => docker.destroy());
    })
    .listen(address);
}
