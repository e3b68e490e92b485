/** What a journal must read like once its old days are compacted: one line a day, kind and route for the calls of each. */
import { DAY } from "./contents.ts";
import type { Line } from "./books.ts";

/** Lines of calls up to the first one since `cutoff` become totals, each in the place of the first it stands for. */
export function compacted(lines: readonly Line[], cutoff: number): Line[] {
  const young = lines.findIndex(({ at, calls }) => at >= cutoff && calls === null);
  const end = (young < 0 ? lines.length : young) - 1;
  const totals = new Map<string, Line>();
  const left: Line[] = [];
  for (const line of lines.slice(0, end + 1)) {
    const isOfCall = line.calls !== null || (line.request_id !== null && line.kind !== "refund");
    if (!isOfCall) {
      left.push(line);
      continue;
    }
    const day = line.calls === null ? new Date(Math.floor(line.at / DAY) * DAY).toISOString().slice(0, 10) : line.ref;
    const name = [day, line.kind, line.route].join(" ");
    const total = totals.get(name);
    if (total) Object.assign(total, sum(total, line));
    else {
      const first = { ...line, ref: day, request_id: null, calls: line.calls ?? 1 };
      totals.set(name, first);
      left.push(first);
    }
  }
  return [...left, ...lines.slice(end + 1)];
}

function sum(total: Line, line: Line): Partial<Line> {
  return {
    at: line.at,
    amount: total.amount + line.amount,
    held: total.held + line.held,
    written_off: total.written_off + line.written_off,
    calls: (total.calls ?? 0) + (line.calls ?? 1),
    balance_available: line.balance_available,
    balance_held: line.balance_held,
  };
}
