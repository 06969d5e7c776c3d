/**
 * A part of a case that goes on with what the part before has left, so that neither could be run alone. An error names
 * the part.
 */
export async function step<T>(name: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Error) error.message = `at step "${name}": ${error.message}`;
    throw error;
  }
}
