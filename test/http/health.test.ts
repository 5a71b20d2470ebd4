/** `GET /health`: the same for everybody, and more for an admin. */
import { describe, expect, it } from 'vitest';
import { createHttpHandler } from '../../src/http/index.js';
import { createNexus, memoryStorage } from '../../src/index.js';

const admin = 'token-of-the-admin-0123456789';
const reader = 'token-of-the-reader-012345678';

function served(rateLimit: { perSecond: number; burst: number } | false = false) {
  const nexus = createNexus({
    storage: memoryStorage(),
    logger: false,
    nodes: {
      admin: { secrets: [], tokens: [admin], subscribe: ['*'], admin: true },
      reader: { secrets: [], tokens: [reader], subscribe: ['*'] },
    },
  });
  const http = createHttpHandler(nexus, { rateLimit });
  const ask = async (path: string, token?: string) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await http.fetch(new Request(`http://x${path}`, { headers }), { ip: '192.0.2.1' });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  return { nexus, ask };
}

describe('GET /health', () => {
  it('tells an admin why, and the numbers', async () => {
    const { nexus, ask } = served();
    await nexus.dispatch('A', {});
    for (const path of ['/health', '/health/ready']) {
      expect(await ask(path)).toEqual({ status: 200, body: { status: 'ok', head: 1, reasons: 0 } });
      expect(await ask(path, reader)).toEqual({ status: 200, body: { status: 'ok', head: 1, reasons: 0 } });
      expect(await ask(path, admin)).toMatchObject({
        status: 200,
        body: { reasons: [], stats: { head: 1 } },
      });
      expect((await ask(path, 'nobodys-token-0123456789')).status).toBe(401);
    }
    expect(await ask('/health/live', 'nobodys-token-0123456789')).toEqual({
      status: 200,
      body: { status: 'ok' },
    });
    await nexus.close();
    expect(await ask('/health', admin)).toEqual({
      status: 503,
      body: { status: 'down', reasons: ['closed'] },
    });
    expect(await ask('/health')).toEqual({ status: 503, body: { status: 'down', reasons: 1 } });
  });

  it('limits who tries tokens at it, and nobody else', async () => {
    const { nexus, ask } = served({ perSecond: 0.001, burst: 2 });
    const wrong = 'nobodys-token-0123456789';
    const tried = [await ask('/health', wrong), await ask('/health', wrong), await ask('/health', wrong)];
    expect(tried.map(({ status }) => status)).toEqual([401, 401, 429]);
    expect((await ask('/health')).status).toBe(200);
    await nexus.close();
  });
});
