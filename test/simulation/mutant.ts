/**
 * A bug to put into the ledger on purpose, to see that the simulation finds it.
 *
 * `find` is exact text that must occur once in the file: the list has to keep up with the code.
 */

export type Mutant = {
  readonly name: string;
  /** The class of bug. */
  readonly bug: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
};

type Edit = readonly [name: string, find: string, replace: string];

/** Mutants of one class in one file of the ledger. */
export function mutants(bug: string, file: string, edits: readonly Edit[]): Mutant[] {
  return edits.map(([name, find, replace]) => ({ name, bug, file: `src/ledger/${file}`, find, replace }));
}
