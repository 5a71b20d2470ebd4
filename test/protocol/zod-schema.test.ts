import { z } from 'zod';
import { describe, expect, it } from 'vitest';
import { zodSchema } from '../../src/protocol/zod-schema.js';

describe('a schema that is made when it is asked for', () => {
  it('is made once, of zod that is loaded no earlier', () => {
    const loaded: number[] = [];
    const schema = zodSchema(
      (given) => given.object({ orderId: given.string() }),
      () => {
        loaded.push(loaded.length);
        return z;
      },
    );
    expect(loaded).toEqual([]);
    expect(schema().safeParse({ orderId: 'o-1' }).success).toBe(true);
    expect(schema()).toBe(schema());
    expect(loaded).toEqual([0]);
  });

  it('says what to do where zod is not there, and is there once zod is', () => {
    const missing = new Error("Cannot find module 'zod'");
    let there = false;
    const schema = zodSchema(
      (given) => given.string(),
      () => {
        if (!there) throw missing;
        return z;
      },
    );
    expect(schema).toThrow(
      expect.objectContaining({
        code: 'NEXUS_PEER_MISSING',
        message: expect.stringMatching(/zod.*install it/) as string,
        details: { package: 'zod' },
        cause: missing,
      }),
    );
    there = true;
    expect(schema().safeParse('x').success).toBe(true);
  });
});
