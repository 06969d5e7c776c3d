import picomatch from 'picomatch';

/**
 * `METHOD /path` patterns with the shell's `*`, `?` and `[...]`, all of which match `/` too, as in Powerstrip (which
 * used Python's fnmatch).
 */
const WELL_FORMED = /^(?:[\w *?/.:~@=,-]|\[[!^]?[\w*?/.:~@=,-]+\])+$/;

/** Stands for `/`, which picomatch would treat as a boundary. Cannot occur in a request line. */
const SLASH = '\u0001';

const FNMATCH = {
  dot: true,
  nobrace: true,
  noextglob: true,
  noglobstar: true,
  nonegate: true,
  strictSlashes: true,
  literalBrackets: false,
};

export function compileGlob(pattern: string): (text: string) => boolean {
  const isMatch = picomatch(pattern.replaceAll('[!', '[^').replaceAll('/', SLASH), FNMATCH);
  return (text) => isMatch(text.replaceAll('/', SLASH));
}

/** What is wrong with a pattern; undefined when nothing is. */
export function globMistake(pattern: string): string | undefined {
  if (!/^[^ /a-z]+ [/*]/.test(pattern) || pattern.split(' ').length !== 2) {
    return 'expected a method and a path such as "POST /containers/create"';
  }
  if (!WELL_FORMED.test(pattern) || hasReversedRange(pattern)) {
    return 'expected a shell glob of *, ? and [...] (braces, escapes and unclosed brackets are not supported)';
  }
  return undefined;
}

function hasReversedRange(pattern: string): boolean {
  return [...pattern.matchAll(/\[[^\]]*\]/g)].some(([set]) => {
    try {
      return !new RegExp(set);
    } catch {
      return true;
    }
  });
}
