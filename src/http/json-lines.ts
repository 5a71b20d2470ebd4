/** An answer that takes its time: how far it is, then what came of it, a line of JSON each (NDJSON). */
import { problem, problemOf, streaming, type Answer, type Outlet } from './problem.js';

type Progress = { readonly done: number; readonly total: number };

/** Work that tells how far it is, and ends when its signal aborts. */
export type LongWork = (how: {
  readonly onProgress: (progress: Progress) => void;
  readonly signal: AbortSignal;
}) => Promise<unknown>;

export interface LongAnswers {
  /**
   * `{"progress":{done,total}}` at each percent, then `{"report":…}`, or `{"problem":…}`. What is wrong from the start is
   * thrown. It ends when who asked goes away.
   */
  answer(work: LongWork): Promise<Answer>;
}

/** They share a process with everything else: what more would take is not there. */
const MOST_AT_ONCE = 4;

export function createLongAnswers(failed: (error: unknown) => void): LongAnswers {
  let open = 0;
  return {
    answer: async (work) => {
      if (open >= MOST_AT_ONCE)
        return problem(503, 'NEXUS_OVERLOADED', `${open} of these are under way already; ask again later`);
      open += 1;
      const free = (): void => {
        open -= 1;
      };
      const abort = new AbortController();
      const { signal } = abort;
      /** Said before there was somebody to hear it. */
      const early: string[] = [];
      let outlet: Outlet | undefined;
      // About a hundred at most: a slow reader need not be waited for.
      const say = (line: object): void => {
        if (signal.aborted) return;
        const text = `${JSON.stringify(line)}\n`;
        if (outlet) outlet.write(Buffer.from(text));
        else early.push(text);
      };
      let begin: () => void = () => undefined;
      const begun = new Promise<void>((resolve) => {
        begin = resolve;
      });
      const onProgress = atEachPercent((progress) => {
        say({ progress });
        begin();
      });
      const ended = work({ signal, onProgress });
      ended.then(free, free);
      await Promise.race([begun, ended]);
      const over = ended.then(
        (report) => say({ report }),
        (error: unknown) => {
          const answer = problemOf(error);
          if (answer.status === 500 && !signal.aborted) failed(error);
          say({ problem: JSON.parse(answer.body) as object });
        },
      );
      return streaming(
        (out) => {
          outlet = out;
          out.write(Buffer.from(early.join('')));
          void over.then(() => out.end());
          return { drain: () => undefined, close: () => abort.abort() };
        },
        {},
        'application/x-ndjson',
      );
    },
  };
}

function atEachPercent(tell: (progress: Progress) => void): (progress: Progress) => void {
  let last = -1;
  return ({ done, total }) => {
    const percent = total <= 0 ? 100 : Math.floor((done / total) * 100);
    if (percent === last) return;
    last = percent;
    tell({ done, total });
  };
}
