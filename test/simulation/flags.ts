/** Command line flags: known ones with values, anything else is an error that says so. */
import { parseArgs } from "node:util";

export type Flags<Name extends string> = Readonly<Partial<Record<Name, string>>>;

/** Ends the process, having said why, on a flag it does not know. */
export function readFlags<Name extends string>(names: readonly Name[], usage: string): Flags<Name> {
  const options = Object.fromEntries(names.map((name) => [name, { type: "string" as const }]));
  try {
    return parseArgs({ options, strict: true }).values as Flags<Name>;
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error), usage);
  }
}

/** So far that seeds counted on from it stay exact. */
const COUNT_MAX = 2 ** 52;

/** A whole number of `min` or more. */
export function readCount(value: string | undefined, name: string, min: number, usage: string): number | undefined {
  if (value === undefined) return undefined;
  const n = Number(value);
  if (!/^\d+$/.test(value) || n < min || n > COUNT_MAX)
    return refuse(`--${name} ${value}: must be a whole number from ${min} to ${COUNT_MAX}.`, usage);
  return n;
}

export function refuse(why: string, usage: string): never {
  console.error(`${why}\nUsage: ${usage}`);
  process.exit(2);
}
