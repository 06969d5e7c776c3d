/** Scripts for bash by what they are about. `prelude` has the functions that they use. */
export type Scripts = Record<string, string>;
