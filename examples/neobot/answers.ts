/** What an answer of another service means for the reactor that asked. */
import { NonRetryableError, RetryAfterError } from '@neo-protocol/nexus';

export async function demandSuccess(response: Response, who: string): Promise<void> {
  // Read to its end, so that the connection can be used again.
  await response.arrayBuffer();
  if (response.ok) return;
  const said = `${who} answered ${response.status}`;
  const seconds = Number(response.headers.get('retry-after') ?? NaN);
  if (response.status === 429 && seconds >= 0) throw new RetryAfterError(seconds * 1_000, said);
  // What it refuses today it will refuse tomorrow; anything else may be better in a moment.
  const isFinal = response.status >= 400 && response.status < 500 && response.status !== 429;
  throw isFinal ? new NonRetryableError(said) : new Error(said);
}
