/** The conversation: what a client says, and what it is sent. */
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { open, serve, tokens, type Message } from './serve.js';

const subscribe = (events: string[], after?: number): Message => ({
  action: 'subscribe',
  events,
  ...(after !== undefined && { after }),
});

describe('the conversation over WebSocket', () => {
  it('is that of the first clients, word for word', async () => {
    const { nexus, port } = await serve({ ws: { path: '/', queryToken: true } });
    const client = await open(new WebSocket(`ws://127.0.0.1:${port}/?token=${tokens.reader}`));
    client.socket.send('{"action":"subscribe","events":["PAYMENT_RECEIVED","MINT_CONFIRMED"]}');
    expect(await client.next()).toMatchObject({
      status: 'subscribed',
      events: ['PAYMENT_RECEIVED', 'MINT_CONFIRMED'],
    });
    const { id, seq, timestamp } = await nexus.dispatch('PAYMENT_RECEIVED', { orderId: 'o-1', amount: '10' });
    expect(await client.next()).toEqual({
      event: 'PAYMENT_RECEIVED',
      payload: { orderId: 'o-1', amount: '10' },
      timestamp,
      id,
      seq,
      source: 'nexus',
    });
  });

  it('replays from a position and goes on live, without gap or repeat', async () => {
    const { nexus, connect } = await serve();
    for (let n = 0; n < 1_500; n++) void nexus.dispatch('TICK', { n });
    await nexus.dispatch('TICK', { n: 1_500 });
    const client = await connect();
    const answer = await client.ask(subscribe(['TICK'], 10));
    expect(answer).toMatchObject({ status: 'subscribed', position: 10 });
    expect(typeof answer.logId).toBe('string');
    for (let n = 1_501; n < 3_000; n++) await nexus.dispatch('TICK', { n });
    for (let n = 10; n < 3_000; n++) expect(await client.next()).toMatchObject({ payload: { n } });
  });

  it('tells with a pong how far it has looked, past what was not asked for', async () => {
    const { nexus, connect } = await serve();
    const client = await connect();
    expect(await client.ask({ action: 'ping' })).toEqual({ status: 'pong', position: null });
    await client.ask(subscribe(['WANTED'], 0));
    await nexus.dispatch('WANTED', {});
    const { seq } = await nexus.dispatch('OTHER', {});
    expect(await client.next()).toMatchObject({ event: 'WANTED' });
    let position: unknown;
    while (position !== seq) ({ position } = await client.ask({ action: 'ping' }));
  });

  it('adds types, takes them away, and goes back for those that are asked for from before', async () => {
    const { nexus, connect } = await serve();
    const client = await connect();
    await nexus.dispatch('B', { n: 1 });
    await client.ask(subscribe(['A']));
    await nexus.dispatch('A', { n: 2 });
    expect(await client.next()).toMatchObject({ event: 'A', payload: { n: 2 } });
    await nexus.dispatch('B', { n: 3 });
    await client.ask(subscribe(['B'], 0));
    expect(await client.next()).toMatchObject({ event: 'B', payload: { n: 1 } });
    expect(await client.next()).toMatchObject({ event: 'B', payload: { n: 3 } });
    expect(await client.ask({ action: 'unsubscribe', events: ['A'] })).toEqual({
      status: 'unsubscribed',
      events: ['A'],
    });
    await nexus.dispatch('A', { n: 4 });
    await nexus.dispatch('B', { n: 5 });
    expect(await client.next()).toMatchObject({ event: 'B', payload: { n: 5 } });
    expect(await client.ask({ action: 'unsubscribe' })).toEqual({ status: 'unsubscribed', events: ['B'] });
    await nexus.dispatch('B', { n: 6 });
    expect(await client.ask({ action: 'ping' })).toEqual({ status: 'pong', position: null });
  });

  it('says what is wrong and goes on', async () => {
    const { connect } = await serve();
    const client = await connect();
    const wrong = [
      'no JSON',
      '[]',
      'null',
      '{"action":"dispatch"}',
      '{"action":"subscribe"}',
      '{"action":"subscribe","events":[]}',
      '{"action":"subscribe","events":["A B"]}',
      '{"action":"subscribe","events":["A"],"after":-1}',
      '{"action":"subscribe","events":["A"],"after":"1"}',
      Buffer.from('{"action":"ping"}'),
    ];
    for (const message of wrong)
      expect(await client.ask(message)).toMatchObject({ error: 'NEXUS_BAD_REQUEST' });
    expect(await client.ask(subscribe(['A'], 5))).toMatchObject({ error: 'NEXUS_POSITION_AHEAD' });
    expect(await client.ask(subscribe(['A'], 0))).toMatchObject({ status: 'subscribed' });
  });

  it('shows a node what it may see, and the types of the library only to whom names them and may', async () => {
    const { nexus, connect } = await serve();
    const picky = await connect('picky');
    expect(await picky.ask(subscribe(['PAYMENT_RECEIVED', 'MINT_CONFIRMED']))).toEqual({
      error: 'NEXUS_PERMISSION_DENIED',
      message: 'the node picky may not subscribe to MINT_CONFIRMED',
    });
    await picky.ask(subscribe(['*']));
    const reader = await connect('reader');
    expect(await reader.ask(subscribe(['nexus.log.gap']))).toMatchObject({
      error: 'NEXUS_PERMISSION_DENIED',
    });
    const admin = await connect('admin');
    expect(await admin.ask(subscribe(['nexus.log.gap']))).toMatchObject({ status: 'subscribed' });
    await nexus.dispatch('MINT_CONFIRMED', {});
    await nexus.dispatch('PAYMENT_RECEIVED', {});
    expect(await picky.next()).toMatchObject({ event: 'PAYMENT_RECEIVED' });
  });

  it('sends frames of every length', async () => {
    const { nexus, connect } = await serve();
    const client = await connect();
    await client.ask(subscribe(['TEXT']));
    for (const length of [0, 1, 20, 125, 126, 200, 65_300, 65_535, 65_536, 200_000]) {
      const text = 'é'.repeat(length / 2);
      await nexus.dispatch('TEXT', { text });
      expect(await client.next()).toMatchObject({ payload: { text } });
    }
  });
});
