import { create, JSON_TYPE, withHeaders, type Attacks } from './requests.js';

const typed = (type: string) => create().replace(JSON_TYPE, `Content-Type: ${type}`);

/** Content types that dockerd takes for JSON, or that some other reader might. */
export const types: Attacks = {
  'a type with a character set': create().replace(JSON_TYPE, `${JSON_TYPE}; charset=utf-8`),
  'a type in another case': create().replace(JSON_TYPE, 'CONTENT-TYPE:Application/JSON'),
  'a type with nonsense behind it': create().replace(JSON_TYPE, `${JSON_TYPE} ;;=`),
  'two types': create().replace(JSON_TYPE, `${JSON_TYPE}\r\nContent-Type: text/plain`),
  'two types, the wrong one first': create().replace(JSON_TYPE, `Content-Type: text/plain\r\n${JSON_TYPE}`),
  'no type': create().replace(`${JSON_TYPE}\r\n`, ''),
  'an encoding': withHeaders('Content-Encoding: gzip'),
  'a type with a letter that Go makes an i': typed('appl\u0130cation/json'),
  'a type with a blank that Go cuts off': typed('application/json\u00a0'),
  'a type with a blank that Go cuts off, in front': typed('\u2003application/json'),
  'a type with a line end of Unicode': typed('application/json\u0085; charset=utf-8'),
  'a type with a vertical tab': typed('application/json\x0b'),
  'a type with a tab': typed('\tapplication/json\t;\tx'),
  'a list of types': typed('application/json, text/plain'),
  'a type with blanks around its slash': typed('application / json'),
  'an empty type first': create().replace(JSON_TYPE, `Content-Type: \r\n${JSON_TYPE}`),
  'a type of JSON in other words': typed('application/vnd.api+json'),
  'a form': typed('application/x-www-form-urlencoded'),
  'a form in parts': typed('multipart/form-data; boundary=x'),
};
