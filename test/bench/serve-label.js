// The same adapter over HTTP, on the socket given as an argument.
import { createServer } from 'node:http';
import process from 'node:process';
import label from './label.js';

createServer(async (req, res) => {
  let text = '';
  for await (const chunk of req) text += chunk;
  res.end(JSON.stringify({ PowerstripProtocolVersion: 2, ...label.pre(JSON.parse(text)) }));
}).listen(process.argv[2]);
