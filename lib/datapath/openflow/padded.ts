/** Zero bytes appended, so that what stands before it, `ahead` bytes long, and the body together fill units of eight. */
export function padded(body: Buffer, ahead: number): Buffer {
  const missing = (8 - ((ahead + body.length) % 8)) % 8;
  return missing === 0 ? body : Buffer.concat([body, Buffer.alloc(missing)]);
}
