/** A case of the list of attacks: who tries what, what the gate does, and which tests prove it. */

export type Proof = {
  /** From the root of the repository. */
  readonly file: string;
  /** The test's title as its file writes it, or how it begins. */
  readonly name: string;
  /** Of a table of many, the row that is the case, as the file writes it. */
  readonly row?: string;
};
export type Case = {
  readonly id: string;
  /** What is tried, in one sentence. */
  readonly attack: string;
  /** What the gate does: status and charge. */
  readonly expected: string;
  readonly tests?: readonly Proof[];
  /** Why there is nothing to test yet, or ever. */
  readonly notApplicable?: string;
  /** What the tests do not show. */
  readonly note?: string;
};

/** The test with that title in `test/{path}.test.ts`. */
export function at(path: string, name: string, row?: string): Proof {
  return { file: `test/${path}.test.ts`, name, ...(row === undefined ? {} : { row }) };
}
