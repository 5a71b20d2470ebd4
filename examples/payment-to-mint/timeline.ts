/** Prints who did what, when. */

export type Timeline = {
  readonly tell: (who: string, what: string) => void;
  readonly lines: readonly string[];
};

const colours: Readonly<Record<string, number>> = { flowpay: 36, nexus: 35, factory: 33, whatsapp: 32 };

export function createTimeline(write: (line: string) => void): Timeline {
  const start = performance.now();
  const coloured = process.stdout.isTTY && process.env.NO_COLOR === undefined;
  const lines: string[] = [];
  return {
    lines,
    tell: (who, what) => {
      const ms = `${Math.round(performance.now() - start)} ms`.padStart(8);
      const name = who.padEnd(9);
      const shown = coloured ? `\u001b[${colours[who] ?? 0}m${name}\u001b[0m` : name;
      lines.push(`${ms}  ${name} ${what}`);
      write(`${ms}  ${shown} ${what}\n`);
    },
  };
}
