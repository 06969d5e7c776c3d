import type { Rules, Violation } from './rules.js';

const ID = /^(sha256:)?[0-9a-f]{64}$/;
const DIGEST = /@sha256:[0-9a-f]{64}$/;

/** A tag follows the last `/`: a `:` before that separates a registry's host from its port. */
const TAG = /:([^:/@]+)$/;

export function checkImage(image: string, { images }: Rules): Violation[] {
  if (images === 'any' || ID.test(image) || DIGEST.test(image)) return [];
  if (images === 'digest') {
    return [{ rule: 'images', message: `${image} may change: name it by digest, as image@sha256:…` }];
  }
  const tag = TAG.exec(image.split('@', 1)[0] ?? '')?.[1] ?? 'latest';
  if (tag !== 'latest') return [];
  return [{ rule: 'images', message: `${image} means whatever is latest: name a tag, or a digest` }];
}
