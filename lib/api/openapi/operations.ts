import { z } from 'zod';
import { hookCall } from '../../hook/hook-call.js';
import { postHookReply, preHookReply } from '../../hook/v2.js';
import * as schemas from '../schemas.js';

export type Method = 'get' | 'post' | 'delete';

/** One call of the API, for readers and for code that needs to know which calls exist. */
export interface ApiOperation {
  method: Method;
  /** In OpenAPI's notation. */
  path: string;
  summary: string;
  query?: z.ZodObject;
  body?: z.ZodType;
  status?: 200 | 201 | 204;
  /** The schema of a JSON answer, or the content type of any other. */
  answer?: z.ZodType | { type: string };
  /** Statuses other than success that have the same kind of answer. */
  also?: 503[];
  /** Error statuses besides those that every call may have. */
  errors?: (404 | 409)[];
}

/** Every call of the API; any other is answered with 404. `npm run openapi` generates docs/openapi.yml from this list. */
export const operations: readonly ApiOperation[] = [
  {
    method: 'get',
    path: '/configuration',
    summary: 'What the agent runs with.',
    answer: schemas.configuration,
  },
  {
    method: 'post',
    path: '/configuration',
    summary: 'Sets the level of the log until the agent restarts. Everything else is changed in agent.yml.',
    body: schemas.configurationRequest,
    answer: schemas.configuration,
    errors: [409],
  },
  {
    method: 'get',
    path: '/connections',
    summary: 'The containers of this host that have an address.',
    answer: z.array(schemas.connection),
  },
  {
    method: 'post',
    path: '/connections',
    summary: 'Looks at a container now, and mends what is wrong with its connections.',
    body: schemas.connectionRequest,
    status: 201,
    answer: schemas.connection,
    errors: [404, 409],
  },
  {
    method: 'get',
    path: '/connections/{id}',
    summary: 'One connection, by id, unique beginning of it, or name of the container.',
    answer: schemas.connection,
    errors: [404],
  },
  {
    method: 'delete',
    path: '/connections/{id}',
    summary: 'Gives back the address of a container that does not run.',
    status: 204,
    errors: [404, 409],
  },
  { method: 'get', path: '/networks', summary: 'All networks.', answer: z.array(schemas.network) },
  {
    method: 'post',
    path: '/networks',
    summary: 'Makes a network.',
    body: schemas.networkRequest,
    status: 201,
    answer: schemas.network,
    errors: [409],
  },
  {
    method: 'get',
    path: '/networks/{id}',
    summary: 'A network, and how much of it is used.',
    answer: schemas.networkDetails,
    errors: [404],
  },
  {
    method: 'delete',
    path: '/networks/{id}',
    summary: 'Removes a network that no container has an address on.',
    status: 204,
    errors: [404, 409],
  },
  {
    method: 'get',
    path: '/leases',
    summary: 'Every address that is given, on all hosts of the cluster.',
    answer: z.array(schemas.lease),
  },
  {
    method: 'post',
    path: '/restore',
    summary:
      'Puts back networks and addresses that are not there. Nothing is changed if a network is in the way.',
    body: schemas.restoreRequest,
    answer: schemas.restored,
    errors: [409],
  },
  {
    method: 'get',
    path: '/cluster',
    summary: 'What this host and its cluster are to each other.',
    answer: schemas.cluster,
  },
  {
    method: 'post',
    path: '/cluster/bootstrap',
    summary: 'Begins a cluster with this host.',
    query: schemas.bootstrapQuery,
    answer: schemas.cluster,
    errors: [409],
  },
  {
    method: 'post',
    path: '/cluster/bind',
    summary: 'Lets a device carry the cluster; a host that belongs to none looks for one there.',
    query: schemas.bindQuery,
    answer: schemas.cluster,
    errors: [409],
  },
  {
    method: 'post',
    path: '/cluster/join',
    summary: 'Joins a cluster. Answered when that is done.',
    query: schemas.joinQuery,
    answer: schemas.cluster,
    errors: [404, 409],
  },
  {
    method: 'post',
    path: '/cluster/leave',
    summary: 'Leaves the cluster; containers keep their addresses.',
    answer: schemas.cluster,
    errors: [409],
  },
  {
    method: 'post',
    path: '/converge',
    summary: 'Looks at everything now, and puts right what is not as it should be.',
    answer: schemas.converged,
  },
  {
    method: 'post',
    path: '/adapter',
    summary: 'The hooks of the proxy: hook protocol, version 2.',
    body: hookCall,
    answer: z.union([preHookReply, postHookReply]),
    errors: [404, 409],
  },
  {
    method: 'get',
    path: '/healthz',
    summary: 'Asks Docker, Open vSwitch and the store; 503 when one of them does not answer.',
    answer: schemas.health,
    also: [503],
  },
  { method: 'get', path: '/metrics', summary: 'For Prometheus.', answer: { type: 'text/plain' } },
  { method: 'get', path: '/openapi.json', summary: 'This document.', answer: z.looseObject({}) },
];
