import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { createWorkQueue, type TaskWork } from '../../src/engine/work.js';

const task = (): TaskWork => ({ kind: 'task', run: () => Promise.resolve() });

it('is first in, first out, however long it never runs empty', () => {
  const queue = createWorkQueue();
  const waiting: TaskWork[] = [];
  for (let i = 0; i < 5_000; i++) {
    for (const each of i % 3 === 0 ? [task(), task()] : [task()]) {
      queue.push(each);
      waiting.push(each);
    }
    expect(queue.takeTask()).toBe(waiting.shift());
  }
  const back = [task(), task()];
  queue.putBack(back);
  expect(queue.length).toBe(waiting.length + 2);
  expect(queue.takeAll()).toEqual([...back, ...waiting]);
  expect(queue.length).toBe(0);
});

it('keeps nothing of what was taken while others wait', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const queue = createWorkQueue();
  queue.push(task());
  const takeOne = (): WeakRef<TaskWork> | undefined => {
    queue.push(task());
    const first = queue.takeTask();
    return first && new WeakRef(first);
  };
  const taken = Array.from({ length: 500 }, takeOne);
  // A weak reference that was just made holds until the end of its turn.
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  expect(taken.filter((each) => each?.deref() !== undefined)).toEqual([]);
  expect(queue.length).toBe(1);
});
