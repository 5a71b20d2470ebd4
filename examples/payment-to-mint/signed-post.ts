/** How a node of the protocol posts: the raw body, and its HMAC-SHA256 under the node's secret. */
import { createHmac } from 'node:crypto';

export async function signedPost(
  url: string,
  body: unknown,
  secret: string,
  header = 'X-Nexus-Signature',
): Promise<Response> {
  const bytes = JSON.stringify(body);
  const signature = createHmac('sha256', secret).update(bytes).digest('hex');
  return await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', [header]: signature },
    body: bytes,
  });
}
