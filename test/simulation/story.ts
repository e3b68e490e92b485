/** A failing history told in lines a person can follow. Nothing is told, and nothing spent on telling, while all is well. */
import type { Command } from "../../src/ledger/command.ts";

export type Story = string[] | null;

export function describeCommand(command: Command): string {
  const { op, ...content } = command;
  const said = Object.entries(content).map(([name, value]) =>
    name === "id" ? value : `${name} ${JSON.stringify(value)}`,
  );
  return [op, ...said].join(" ");
}
