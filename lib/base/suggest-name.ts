import levenshtein from 'damerau-levenshtein';

/** How far apart two names may be for one to be a mistyped form of the other: two swapped keys are one step. */
const MOST_STEPS = 2;
const LEAST_SIMILARITY = 0.5;
/** Longer words are hardly names, and comparing them takes time. */
const LONGEST = 128;

/** The end of a message about a name that does not exist: `, did you mean "web"?`, or `otherwise` when no name is similar. */
export function suggestName(word: string, names: readonly string[], otherwise: string): string {
  if (word.length > LONGEST) return otherwise;
  const [best] = names
    .map((name) => ({ name, ...levenshtein(word, name) }))
    .filter(({ steps, similarity }) => steps <= MOST_STEPS && similarity >= LEAST_SIMILARITY)
    .toSorted((one, other) => one.steps - other.steps);
  return best ? `, did you mean ${JSON.stringify(best.name)}?` : otherwise;
}
