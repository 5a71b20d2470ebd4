/** A header of a request of Node's servers. */
import type { IncomingMessage } from 'node:http';

/** What was sent twice is joined, as HTTP/2's requests do it by themselves. */
export function headerOf(
  request: Pick<IncomingMessage, 'headers' | 'rawHeaders'>,
  name: string,
): string | undefined {
  const key = name.toLowerCase();
  if (!('headersDistinct' in request)) {
    const value = request.headers[key];
    return Array.isArray(value) ? value.join(', ') : value;
  }
  // As they came, for `headersDistinct` makes an array of each header of each request.
  const { rawHeaders } = request;
  let found: string | undefined;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const given = rawHeaders[i] ?? '';
    if (given.length !== key.length || (given !== name && given.toLowerCase() !== key)) continue;
    const value = rawHeaders[i + 1] ?? '';
    found = found === undefined ? value : `${found}, ${value}`;
  }
  return found;
}
