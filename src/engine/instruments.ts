/** What hosts and edges have put around dispatches and handlers. Without any, a dispatch and an attempt pay for one look. */
import { invalidArgument } from '../core/arguments.js';
import type { AttemptToBe, DispatchItem, DispatchOptions, Headers, Instrument, SaidToBe } from '../nexus.js';
import type { Dispatcher } from './dispatcher.js';

export interface Instruments {
  add(instrument: Instrument): () => void;
  /** Whether there is any. */
  present(): boolean;
  dispatch<R>(said: SaidToBe, proceed: (headers?: Headers) => R): R;
  attempt<R>(attempt: AttemptToBe, proceed: (child?: ChildHeaders) => R): R;
}

/** What is added to the headers of an event that a handler dispatches. */
export type ChildHeaders = (said: SaidToBe) => Headers | undefined;

export function createInstruments(): Instruments {
  /** The first that was added is the outermost. */
  let all: readonly Instrument[] = [];

  const dispatch = <R>(nth: number, said: SaidToBe, proceed: (headers?: Headers) => R): R => {
    const instrument = all[nth];
    if (!instrument) return proceed(nth === 0 ? undefined : said.headers);
    const next = (headers?: Headers): R => dispatch(nth + 1, withHeaders(said, headers), proceed);
    return instrument.dispatch ? instrument.dispatch(said, next) : next();
  };
  const attempt = <R>(
    nth: number,
    toBe: AttemptToBe,
    children: readonly ChildHeaders[],
    proceed: (child?: ChildHeaders) => R,
  ): R => {
    const instrument = all[nth];
    if (!instrument) return proceed(children.length > 0 ? together(children) : undefined);
    const next = (child?: ChildHeaders): R =>
      attempt(nth + 1, toBe, child ? [...children, child] : children, proceed);
    return instrument.attempt ? instrument.attempt(toBe, next) : next();
  };
  return {
    add: (instrument) => {
      if (typeof instrument !== 'object' || (instrument as unknown) === null)
        throw invalidArgument('instrument', 'an object with dispatch or attempt', instrument);
      all = [...all, instrument];
      return () => {
        all = all.filter((each) => each !== instrument);
      };
    },
    present: () => all.length > 0,
    dispatch: (said, proceed) => dispatch(0, said, proceed),
    attempt: (toBe, proceed) => attempt(0, toBe, [], proceed),
  };
}

/** A dispatcher that passes through what was put around it. */
export function instrumented(dispatcher: Dispatcher, instruments: Instruments): Dispatcher {
  return {
    say: (said) => {
      if (!instruments.present()) return dispatcher.say(said);
      const { type, options } = said;
      return settle(() =>
        instruments.dispatch(saidToBe(type, options), (headers) =>
          dispatcher.say({ ...said, options: addHeaders(options, headers) }),
        ),
      );
    },
    sayMany: (items) => {
      if (!instruments.present() || !Array.isArray(items)) return dispatcher.sayMany(items);
      const [first] = items as readonly (DispatchItem | undefined)[];
      if (!first) return dispatcher.sayMany(items);
      const said = { ...saidToBe(first.type, first.options), count: items.length };
      return settle(() =>
        instruments.dispatch(said, (headers) =>
          dispatcher.sayMany(
            items.map((item: DispatchItem) => ({
              ...item,
              options: addHeaders(item.options ?? {}, headers),
            })),
          ),
        ),
      );
    },
  };
}

export function saidToBe(type: string, options: DispatchOptions | undefined): SaidToBe {
  return { type, source: options?.source, headers: options?.headers, count: 1 };
}

/** The options with these headers added, which win. */
export function addHeaders<O extends { headers?: Record<string, string> }>(
  options: O,
  headers: Headers | undefined,
): O {
  return headers && typeof options === 'object'
    ? { ...options, headers: { ...options.headers, ...headers } }
    : options;
}

function withHeaders(said: SaidToBe, headers: Headers | undefined): SaidToBe {
  return headers ? { ...said, headers: { ...said.headers, ...headers } } : said;
}

function together(children: readonly ChildHeaders[]): ChildHeaders {
  return (said) => {
    const added = children.map((child) => child(said));
    return added.some(Boolean) ? (Object.assign({}, ...added) as Headers) : undefined;
  };
}

/** An instrument that throws at once rejects, as everything does that goes wrong with a dispatch. */
async function settle<R>(work: () => Promise<R>): Promise<R> {
  return await work();
}
