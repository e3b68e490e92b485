/**
 * Worker and objects of neighbouring versions: after a deploy they talk for minutes, each of either side.
 *
 * An object takes commands of its own version and the one before; a Worker that meets an object of the version before
 * says the same in that version's words, where those suffice. What cannot be said in them is not carried out at all.
 *
 * Version 1 knew no spend caps, no idempotency keys and no kept answers. All else is as today.
 */
import { RPC_VERSION, type Command } from "./command.ts";

export const PREVIOUS_VERSION = RPC_VERSION - 1;
/** What an object understands. */
export const SUPPORTED_VERSIONS: readonly number[] = [RPC_VERSION, PREVIOUS_VERSION];

/** A command of a supported version in today's words. */
export function readCommand(version: number, command: Command): Command {
  return version === PREVIOUS_VERSION && command.op === "hold" ? { ...command, cap: null, idempotency: null } : command;
}

/** A command in the words of the version before; undefined if it asks for what that version did not know. */
export function previousCommand(command: Command): Command | undefined {
  if (command.op === "keep") return undefined;
  if (command.op !== "hold") return command;
  return command.cap === null && command.idempotency === null ? command : undefined;
}
