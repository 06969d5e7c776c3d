import http from 'node:http';

export interface DockerCall {
  line: string;
  headers: http.IncomingHttpHeaders;
  body: string;
}

export type DockerAnswer = (res: http.ServerResponse, call: DockerCall) => void;

/** A Docker that records what it is asked for, and answers as a test says. */
export interface FakeDocker {
  /** What it has been asked for in this test. */
  calls: DockerCall[];
  /** How it answers from now on; each test begins with the answer given at the start. */
  answer: DockerAnswer;
  /** A server that does not listen yet. */
  server(): http.Server;
}

/** To be called within `describe`. */
export function useDocker(answer: DockerAnswer): FakeDocker {
  const docker: FakeDocker = { calls: [], answer, server };

  beforeEach(() => {
    docker.calls = [];
    docker.answer = answer;
  });

  function server(): http.Server {
    return http.createServer((req, res) => {
      let body = '';
      req.setEncoding('utf8');
      req.on('data', (chunk: string) => (body += chunk));
      req.on('end', () => {
        const call = { line: `${req.method} ${req.url}`, headers: req.headers, body };
        docker.calls.push(call);
        docker.answer(res, call);
      });
    });
  }

  return docker;
}
