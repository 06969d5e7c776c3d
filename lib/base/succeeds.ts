/** Whether work ends without an error; for probes, whose failure is an answer rather than an error to report. */
export function succeeds(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  );
}
