import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Slots } from '../../src/engine/slots.js';

type Placed = { slot: number | undefined };

it('has those who took a slot and did not leave it, as a set would', () => {
  const step = fc.tuple(fc.boolean(), fc.nat(9));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const all = Array.from({ length: 10 }, (): Placed => ({ slot: undefined }));
      const slots = new Slots<Placed>();
      const model = new Set<Placed>();
      for (const [takes, nth] of steps) {
        const held = all[nth];
        if (!held) continue;
        if (!takes) expect(slots.leave(held)).toBe(model.delete(held));
        else if (!model.has(held)) {
          slots.take(held);
          model.add(held);
        }
        expect(slots.size).toBe(model.size);
        expect(new Set(slots)).toEqual(model);
        expect([...slots]).toHaveLength(model.size);
      }
    }),
  );
});
