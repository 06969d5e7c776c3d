import { z } from 'zod';
import * as schemas from '../schemas.js';
import { operations, type ApiOperation } from './operations.js';

const ERRORS = {
  notFound: 'There is none.',
  conflict: 'It would be in the way of something, or it is not the time for it.',
  error:
    '400: the request is not right. 403, 415: over TCP, from a web page, or with a body that is not application/json. ' +
    '405: the call has other methods. 413: the body is too large. 500: a fault of the agent, or of a command that it ' +
    'runs. 503: something that is needed does not answer, or the agent is not ready; try again.',
};
const ERROR_OF = { 404: 'notFound', 409: 'conflict' } as const;

type Json = Record<string, unknown>;

/** The API as an OpenAPI document, version 3.1. */
export function openApi(version: string): Json {
  const paths: Record<string, Json> = {};
  for (const operation of operations) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: describe(operation) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'SocketPlane agent',
      version,
      description:
        'On the socket /run/socketplane/agent.sock, and on loopback TCP where `tcp` in agent.yml says so. ' +
        'The same without /v0.1.',
      license: { name: 'Apache 2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: 'http://localhost:6675/v0.1' }],
    paths,
    components: {
      schemas: components(),
      responses: Object.fromEntries(
        Object.entries(ERRORS).map(([name, description]) => [
          name,
          { description, content: json(toJson(schemas.failure)) },
        ]),
      ),
    },
  };
}

/** Schemas with a name are components; the others are written out where they are used. */
const named = z.registry<{ id: string }>();
for (const [name, schema] of Object.entries(schemas)) {
  // OpenAPI describes each query parameter separately.
  if (!name.endsWith('Query')) named.add(schema, { id: name.charAt(0).toUpperCase() + name.slice(1) });
}

const uri = (id: string) => `#/components/schemas/${id}`;

function components(): Json {
  const { schemas: all } = z.toJSONSchema(named, { uri, override: tidy, io: 'input' });
  return Object.fromEntries(
    Object.entries(all).map(([id, { $schema: _, $id: __, ...schema }]) => [id, schema]),
  );
}

function toJson(schema: z.ZodType): Json {
  const id = named.get(schema)?.id;
  if (id !== undefined) return { $ref: uri(id) };
  if (schema instanceof z.ZodArray) return { type: 'array', items: toJson(schema.element as z.ZodType) };
  const { $schema: _, ...json } = z.toJSONSchema(schema, { override: tidy, io: 'input' });
  return json;
}

/** Drops what goes without saying: that there may be more properties, and that integers have limits. */
function tidy({ jsonSchema }: { jsonSchema: Json }): void {
  const more = jsonSchema['additionalProperties'];
  if (typeof more === 'object') delete jsonSchema['additionalProperties'];
  if (jsonSchema['minimum'] === Number.MIN_SAFE_INTEGER) delete jsonSchema['minimum'];
  if (jsonSchema['maximum'] === Number.MAX_SAFE_INTEGER) delete jsonSchema['maximum'];
}

function describe({
  method,
  path,
  summary,
  query,
  body,
  status = 200,
  answer,
  also = [],
  errors = [],
}: ApiOperation) {
  const words = path.match(/\w+/g) ?? [];
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const inQuery = Object.entries(query?.shape ?? {}).map(([name, schema]) => {
    const { description, ...json } = toJson(schema as z.ZodType);
    return { name, in: 'query', required: !(schema as z.ZodType).isOptional(), description, schema: json };
  });
  const parameters = [...inPath, ...inQuery];
  return {
    operationId: [method, ...words].map((word, at) => (at ? capital(word) : word)).join(''),
    summary,
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: { required: true, content: json(toJson(body)) } }),
    responses: Object.fromEntries([
      ...[status, ...also].map((code) => [code, success(code, answer)] as const),
      ...errors.map((code) => [code, failure(ERROR_OF[code])] as const),
      ['default', failure('error')],
    ]),
  };
}

function success(code: number, answer: ApiOperation['answer']): Json {
  const description = code < 300 ? 'Done' : 'Not well';
  if (answer === undefined) return { description };
  if (!(answer instanceof z.ZodType))
    return { description, content: { [answer.type]: { schema: { type: 'string' } } } };
  return { description, content: json(toJson(answer)) };
}

const failure = (name: keyof typeof ERRORS) => ({ $ref: `#/components/responses/${name}` });
const json = (schema: Json) => ({ 'application/json': { schema } });
const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);
