const HEADER = 12;
const RESPONSE = 0x8000;
const AUTHORITATIVE = 0x0400;
const RECURSION_AVAILABLE = 0x0080;
const ANSWER_COUNT_AT = 6;
const OK = 0;
const NO_SUCH_NAME = 3;

/**
 * Whether the message is an answer to the question: its id and, if it repeats one, its question are the same. A resolver that did
 * not understand the question leaves it out, so it may be missing where the answer is an error.
 */
export function answersQuestion(answer: Buffer, question: Buffer): boolean {
  if (answer.length < HEADER || answer.readUInt16BE(0) !== question.readUInt16BE(0)) return false;
  if (!(answer.readUInt16BE(2) & RESPONSE)) return false;
  const asked = questionOf(question);
  const repeated = questionOf(answer);
  if (asked === undefined) return true;
  if (repeated === undefined) return answer.readUInt16BE(4) === 0 && rcodeOf(answer) !== OK;
  return repeated === asked;
}

/**
 * Whether an answer is about the name, and not about the resolver that gave it. After any other, the next resolver is asked, as
 * libc does: REFUSED, SERVFAIL, NOTIMP, FORMERR and the like say that this resolver does not know; so does an empty answer of one
 * that neither owns the name nor asks others, a lame delegation. One that is cut short is about the name.
 */
export function isAboutName(answer: Buffer): boolean {
  const rcode = rcodeOf(answer);
  if (rcode === NO_SUCH_NAME) return true;
  if (rcode !== OK) return false;
  const isEmpty = answer.readUInt16BE(ANSWER_COUNT_AT) === 0;
  const knowsOrAsks = (answer.readUInt16BE(2) & (AUTHORITATIVE | RECURSION_AVAILABLE)) !== 0;
  return !isEmpty || knowsOrAsks;
}

/** The code of an answer (RFC 1035, 4.1.1), without the upper bits of EDNS. */
export function rcodeOf(message: Buffer): number {
  return message.readUInt16BE(2) & 0xf;
}

/** Name in lower case, type and class, as bytes in text; undefined where there is not exactly one whole question. */
function questionOf(message: Buffer): string | undefined {
  if (message.readUInt16BE(4) !== 1) return undefined;
  let end = HEADER;
  // A question is the first thing in a message, so there is nothing that a compressed name could point to.
  for (let length = message[end]; length !== 0; length = message[end]) {
    if (length === undefined || length > 63) return undefined;
    end += length + 1;
  }
  const rest = message.subarray(end, end + 5);
  if (rest.length < 5) return undefined;
  return message.subarray(HEADER, end).toString('latin1').toLowerCase() + rest.toString('latin1');
}
