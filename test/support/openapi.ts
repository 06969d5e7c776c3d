import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { ROOT } from './doc-blocks.js';

type Json = Record<string, unknown>;
interface Document {
  paths: Record<string, Record<string, { responses: Record<string, Json> }>>;
  components: { responses: Record<string, Json> };
}

export const readOpenApi = () => parse(readFileSync(join(ROOT, 'docs/openapi.yml'), 'utf8')) as Document;

export interface Answer {
  method: string;
  /** The path without /v0.1. */
  path: string;
  status: number;
  type: string;
  text: string;
}

/**
 * Throws when an answer is not what docs/openapi.yml says. Stricter than the document: answers may contain nothing that
 * is not in it.
 */
export function createOpenApiCheck(): (answer: Answer) => void {
  const document = readOpenApi();
  close(document);
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
  ajv.addSchema(document, 'api');
  const patterns = Object.keys(document.paths).map(
    (path) => [path, new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`)] as const,
  );

  return ({ method, path, status, type, text }) => {
    const what = `${method} ${path} → ${status}`;
    const [pathname = ''] = path.split('?');
    const known = patterns.find(([, pattern]) => pattern.test(pathname))?.[0];
    const responses = document.paths[known ?? '']?.[method.toLowerCase()]?.responses;
    const found = responses?.[status] ?? (status >= 400 ? (responses?.['default'] ?? ERROR) : undefined);
    if (!found) throw new Error(`${what} is not in docs/openapi.yml: see lib/api/openapi/operations.ts`);
    const { content } = resolve(document, found) as { content?: Record<string, { schema: Json }> };
    const [media = ''] = type.split(';');
    if (!content) {
      if (text !== '') throw new Error(`${what} has a body, which docs/openapi.yml does not know of`);
      return;
    }
    const schema = content[media]?.schema;
    if (!schema) throw new Error(`${what} is ${media}, docs/openapi.yml says ${Object.keys(content).join()}`);
    const value = media === 'application/json' ? (JSON.parse(text) as unknown) : text;
    const ref = typeof schema['$ref'] === 'string' ? { $ref: `api${schema['$ref']}` } : schema;
    if (!ajv.validate(absolute(ref) as Json, value)) {
      throw new Error(
        `${what} is not what docs/openapi.yml says: ${ajv.errorsText()}\n${text.slice(0, 500)}`,
      );
    }
  };
}

/** A request that matches no call is not in the document; its error looks like the others. */
const ERROR = { $ref: '#/components/responses/error' };

function resolve(document: Document, response: Json): Json {
  const ref = response['$ref'];
  return typeof ref === 'string' ? document.components.responses[ref.split('/').at(-1)!]! : response;
}

/** Makes references in a part of the document valid outside of it. */
function absolute(part: unknown): unknown {
  return JSON.parse(JSON.stringify(part).replaceAll('"#/', '"api#/')) as unknown;
}

/** Forbids additional properties wherever properties are listed. */
function close(part: unknown): void {
  if (typeof part !== 'object' || part === null) return;
  const { type, properties = {} } = part as Json;
  if (type === 'object' && Object.keys(properties as Json).length > 0) {
    Object.assign(part, { additionalProperties: false });
  }
  Object.values(part).forEach(close);
}
