import type { RequestHandler } from 'express';
import { operations } from '../openapi/operations.js';
import { sendApiError } from './errors.js';

/** For each path of the API, a pattern that matches it as Express does, and its methods. */
const calls = [...new Set(operations.map(({ path }) => path))].map((path) => ({
  pattern: new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}/?$`, 'i'),
  methods: operations
    .filter((other) => other.path === path)
    .flatMap(({ method }) => (method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()])),
}));

const methodsOf = (path: string) => calls.find(({ pattern }) => pattern.test(path))?.methods;

/** Answers 405 where the path has only other methods, and answers `OPTIONS` for every path of the API. */
export const onlyItsMethods: RequestHandler = (request, response, next) => {
  const methods = methodsOf(request.path);
  if (!methods || methods.includes(request.method)) {
    next();
    return;
  }
  const allowed = methods.join(', ');
  response.set('Allow', allowed);
  if (request.method === 'OPTIONS') response.status(204).end();
  else sendApiError(response, 405, `${request.method} cannot be used on ${request.path}: it has ${allowed}`);
};
