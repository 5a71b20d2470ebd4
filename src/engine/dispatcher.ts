/** From a call of `dispatch` to its place in the committer's queue. */
import { invalidArgument, optionsArgument } from '../core/arguments.js';
import { NexusError } from '../core/errors.js';
import type { DispatchItem, Dispatched } from '../nexus.js';
import type { Committer } from './committer.js';
import type { Intake, Said } from './intake.js';
import type { Lifecycle } from './lifecycle.js';
import { Publication, Publications } from './publish.js';

export interface Dispatcher {
  say(said: Said): Promise<Dispatched>;
  /** In one transaction. */
  sayMany(items: readonly DispatchItem[]): Promise<Dispatched[]>;
}

const MOST_AT_ONCE = 1_000;

export function createDispatcher(options: {
  intake: Intake;
  committer: Committer;
  lifecycle: Lifecycle;
  isOpen: () => boolean;
  opened: () => Promise<unknown>;
  /** Why nothing is taken any more. */
  refusal: () => Error | undefined;
}): Dispatcher {
  const { intake, committer, lifecycle, isOpen, opened, refusal } = options;
  return {
    say: (said) => {
      const refused = refusal();
      if (refused) return Promise.reject(refused);
      try {
        const draft = intake.draft(said);
        return new Promise((resolve, reject) => {
          committer.submit(new Publication(draft, lifecycle, resolve, reject));
          if (!isOpen()) opened().catch(reject);
        });
      } catch (error) {
        const refusal = asError(error);
        return said.refused?.(refusal) ?? Promise.reject(refusal);
      }
    },
    sayMany: async (items) => {
      const refused = refusal();
      if (refused) throw refused;
      if (!Array.isArray(items)) throw invalidArgument('items', 'an array', items);
      if (items.length === 0) return [];
      if (items.length > MOST_AT_ONCE) {
        throw new NexusError(
          'NEXUS_INVALID_OPTION',
          `dispatchMany takes at most ${MOST_AT_ONCE} events; got ${items.length}`,
          { details: { items: items.length } },
        );
      }
      const drafts = items.map((item, i) => {
        const { type, payload, options: how = {} } = optionsArgument(item, `items[${i}]`) as DispatchItem;
        return intake.draft({ type, payload, options: how });
      });
      return await new Promise((resolve, reject) => {
        committer.submit(new Publications(drafts, lifecycle, resolve, reject));
        if (!isOpen()) opened().catch(reject);
      });
    },
  };
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown });
}
