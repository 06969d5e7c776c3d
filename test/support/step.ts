/**
 * A part of a case that continues from the state that the part before has left, so that neither could run alone. An
 * error names the part.
 */
export async function step<T>(name: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Error) error.message = `at step "${name}": ${error.message}`;
    throw error;
  }
}
