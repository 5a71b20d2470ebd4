import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { isUuid, UUID_RANDOM_DIGITS, uuidv7 } from '../../src/core/ids.js';

const digits = () => randomBytes(10).toString('hex').slice(0, UUID_RANDOM_DIGITS);

describe('event ids', () => {
  it('are UUIDs of version 7 and variant 10', () => {
    for (let i = 0; i < 1_000; i++) {
      const id = uuidv7(Date.now(), digits());
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(isUuid(id)).toBe(true);
    }
  });

  it('carry their time as RFC 9562 appendix A.6 shows', () => {
    expect(uuidv7(0x017f22e279b0, 'cc318c4dc0c0c07398f')).toBe('017f22e2-79b0-7cc3-98c4-dc0c0c07398f');
  });

  it('sort by time', () => {
    const ids = [1, 999, 1_000, 1_732_356_000_000, 1_732_356_000_001].map((ms) => uuidv7(ms, digits()));
    expect([...ids].sort()).toEqual(ids);
  });
});
