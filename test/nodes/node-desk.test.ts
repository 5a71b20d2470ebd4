import { describe, expect, it } from 'vitest';
import { ingress, type LoggerLike, type NexusWithIngress } from '../../src/nexus.js';
import { protocolEvents } from '../../src/protocol/protocol-events.js';
import { secret, serve, sign } from '../http/serve.js';

const body = (n: number): string => JSON.stringify({ event: 'ORDER:PAID', payload: { n } });

function desk() {
  const served = serve('node:http', { bus: { nodes: {} } });
  let count = 0;
  /** The status of a fresh event signed so. */
  const said = async (node: string, key: string): Promise<number> => {
    const text = body((count += 1));
    const headers = { 'x-nexus-node': node, 'x-nexus-signature': sign(key, text) };
    return (await served.send({ body: text, headers })).status;
  };
  const read = async (token: string): Promise<number> =>
    (await served.send({ method: 'GET', headers: { authorization: `Bearer ${token}` } })).status;
  return { ...served, said, read, nodes: served.nexus.nodes };
}

describe('nexus.nodes', () => {
  it('puts a node, which counts at once', async () => {
    const { nodes, said } = desk();
    const key = secret();
    expect(await said('shop', key)).toBe(401);
    const put = nodes.put('shop', { secrets: [key], dispatch: ['ORDER:*'] });
    expect(await said('shop', key)).toBe(202);
    await put;
    await nodes.put('shop', { secrets: [key] });
    expect(await said('shop', key)).toBe(403);
  });

  it('keeps what it was given, whatever becomes of the object', async () => {
    const { nodes, said } = desk();
    const key = secret();
    const config = { secrets: [key], dispatch: ['ORDER:*'] };
    await nodes.put('shop', config);
    config.dispatch.length = 0;
    config.secrets[0] = secret();
    expect(await said('shop', key)).toBe(202);
  });

  it('rotates: the old secret ends after its grace', async () => {
    const { nodes, said, clock } = desk();
    const [old, fresh, third] = [secret(), secret(), secret()];
    await nodes.put('shop', { secrets: [old], dispatch: ['*'] });
    await nodes.rotate('shop', fresh, { graceMs: 60_000 });
    expect([await said('shop', old), await said('shop', fresh)]).toEqual([202, 202]);
    await clock.advance(59_999);
    expect(await said('shop', old)).toBe(202);
    await clock.advance(1);
    expect([await said('shop', old), await said('shop', fresh)]).toEqual([401, 202]);
    await nodes.rotate('shop', third, { graceMs: 0 });
    expect([await said('shop', fresh), await said('shop', third)]).toEqual([401, 202]);
  });

  it('does not lengthen the life of a secret that is ending', async () => {
    const { nodes, said, clock } = desk();
    const [old, second, third] = [secret(), secret(), secret()];
    await nodes.put('shop', { secrets: [old], dispatch: ['*'] });
    await nodes.rotate('shop', second, { graceMs: 1_000 });
    await nodes.rotate('shop', third);
    await clock.advance(1_000);
    expect([await said('shop', old), await said('shop', second)]).toEqual([401, 202]);
    await clock.advance(86_400_000);
    expect([await said('shop', second), await said('shop', third)]).toEqual([401, 202]);
    expect((await nodes.list())[0]?.secrets.map(({ active }) => active)).toEqual([true, false, false]);
  });

  it('revokes one secret or token by its fingerprint, or all', async () => {
    const { nodes, said, read } = desk();
    const [one, two, token] = [secret(), secret(), secret()];
    await nodes.put('shop', { secrets: [one, two], tokens: [token], dispatch: ['*'], subscribe: ['*'] });
    const [info] = await nodes.list();
    expect(await nodes.revoke('shop', info?.secrets[0]?.fingerprint)).toEqual({ revoked: 1 });
    expect([await said('shop', one), await said('shop', two), await read(token)]).toEqual([401, 202, 200]);
    expect(await nodes.revoke('shop', info?.tokens[0]?.fingerprint)).toEqual({ revoked: 1 });
    expect([await said('shop', two), await read(token)]).toEqual([202, 401]);
    expect(await nodes.revoke('shop')).toEqual({ revoked: 1 });
    expect(await said('shop', two)).toBe(401);
    await expect(nodes.revoke('shop', 'none')).rejects.toMatchObject({ code: 'NEXUS_NOT_FOUND' });
  });

  it('removes a node with its permissions, also for the host that speaks for it', async () => {
    const { nodes, nexus, said } = desk();
    const key = secret();
    await nodes.put('shop', { secrets: [key], dispatch: ['ORDER:*'] });
    await nexus.dispatch('ORDER:PAID', {}, { source: 'shop' });
    await nodes.remove('shop');
    expect(await said('shop', key)).toBe(401);
    await expect(nexus.dispatch('ORDER:PAID', { b: 1 }, { source: 'shop' })).rejects.toMatchObject({
      code: 'NEXUS_PERMISSION_DENIED',
    });
    for (const call of [nodes.remove('shop'), nodes.rotate('shop', key), nodes.revoke('shop')])
      await expect(call).rejects.toMatchObject({ code: 'NEXUS_NOT_FOUND' });
  });

  it('replaces all of them, or none where one is wrong', async () => {
    const { nodes, said } = desk();
    const [a, b, c] = [secret(), secret(), secret()];
    await nodes.put('a', { secrets: [a], dispatch: ['*'] });
    await nodes.replace({ b: { secrets: [b], dispatch: ['*'] } });
    expect([await said('a', a), await said('b', b)]).toEqual([401, 202]);
    const bad = nodes.replace({ c: { secrets: [c], dispatch: ['*'] }, d: { secrets: ['short'] } });
    await expect(bad).rejects.toMatchObject({ code: 'NEXUS_INVALID_OPTION' });
    expect([await said('b', b), await said('c', c)]).toEqual([202, 401]);
  });

  it('refuses what could mean two nodes, changing nothing', async () => {
    const { nodes, said } = desk();
    const [a, b] = [secret(), secret()];
    await nodes.put('a', { secrets: [a], dispatch: ['*'] });
    await nodes.put('b', { secrets: [b], tokens: [secret()] });
    for (const refused of [
      nodes.put('c', { secrets: [a] }),
      nodes.put('c', { secrets: [secret()], tokens: [a] }),
      nodes.put('a', { secrets: [a], tokens: [a], dispatch: ['*'] }),
      nodes.rotate('b', a),
      nodes.rotate('b', 'short'),
      nodes.rotate('b', secret(), { graceMs: -1 }),
      nodes.put('nexus', { secrets: [secret()] }),
    ])
      await expect(refused).rejects.toMatchObject({ code: 'NEXUS_INVALID_OPTION' });
    expect((await nodes.list()).map(({ name }) => name)).toEqual(['a', 'b']);
    expect(await said('a', a)).toBe(202);
  });

  it('shows no secret, no token, and no hash by which one could be guessed elsewhere', async () => {
    const { nodes } = desk();
    const [key, token] = [secret(), secret()];
    await nodes.put('shop', {
      secrets: [key],
      tokens: [token],
      webhook: { url: 'https://shop.example.com/', secrets: [key], headers: { 'x-key': token } },
    });
    const other = desk();
    await other.nodes.put('shop', { secrets: [key] });
    const text = JSON.stringify(await nodes.list());
    for (const each of [key, token]) expect(text).not.toContain(each.slice(0, 8));
    const fingerprint = (await nodes.list())[0]?.secrets[0]?.fingerprint;
    expect((await other.nodes.list())[0]?.secrets[0]?.fingerprint).not.toBe(fingerprint);
  });

  it('tells the edges of every change that is made, and of none that is refused', async () => {
    const { nodes, nexus } = desk();
    let changes = 0;
    const stop = (nexus as unknown as NexusWithIngress)[ingress].onNodesChange(() => (changes += 1));
    await nodes.put('shop', { secrets: [secret()] });
    await nodes.put('shop', { secrets: ['short'] }).catch(() => undefined);
    await nodes.rotate('shop', secret());
    await nodes.revoke('shop');
    await nodes.remove('shop');
    await nodes.replace({});
    expect(changes).toBe(5);
    stop();
    await nodes.replace({});
    expect(changes).toBe(5);
  });

  it('warns of event types that there are not', async () => {
    const warned: unknown[] = [];
    const silent = (): void => undefined;
    const logger: LoggerLike = {
      debug: silent,
      info: silent,
      error: silent,
      warn: (fields) => warned.push(fields),
    };
    const { nexus } = serve('fetch', { bus: { events: protocolEvents, nodes: {}, logger } });
    await nexus.nodes.put('shop', { secrets: [secret()], dispatch: ['PAYMENT_*', 'PAYMENT_RECIEVED'] });
    expect(warned).toEqual([
      { unknown: ['nodes.shop.dispatch: PAYMENT_RECIEVED is not an event type of the catalogue'] },
    ]);
  });
});
