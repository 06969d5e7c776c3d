import levenshtein from 'damerau-levenshtein';

/** As far apart as typing goes wrong: two keys swapped is one step. */
const MOST_STEPS = 2;
const LEAST_SIMILARITY = 0.5;
/** Longer words are nobody's name, and comparing them takes its time. */
const LONGEST = 128;

/**
 * The end of a message about a name that is not there: `, did you mean "web"?`, or `otherwise` where no name is like it.
 */
export function suggestName(word: string, names: readonly string[], otherwise: string): string {
  if (word.length > LONGEST) return otherwise;
  const [best] = names
    .map((name) => ({ name, ...levenshtein(word, name) }))
    .filter(({ steps, similarity }) => steps <= MOST_STEPS && similarity >= LEAST_SIMILARITY)
    .toSorted((one, other) => one.steps - other.steps);
  return best ? `, did you mean ${JSON.stringify(best.name)}?` : otherwise;
}
