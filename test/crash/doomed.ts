/**
 * A gate in a process group of its own, which has workerd in it, to be killed without warning.
 *
 * Only groups started here are ever killed, by their id.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import type { GateOptions } from "../support/gate.ts";

export type DoomedGate = {
  readonly port: number;
  /** What it said went wrong. */
  readonly faults: readonly string[];
  /** Lets it stand still for so long. */
  freeze(ms: number): Promise<void>;
  kill(): Promise<void>;
};
export type DoomedOptions = Pick<GateOptions, "config" | "bindings" | "persist"> & {
  readonly originUrl: string;
  /** Where its processes leave the files they will have no time to remove. */
  readonly scratch: string;
};

const START_TIMEOUT_MS = 30_000;
const GONE_CHECKS_MAX = 250;
/** Log lines that must never be there, whatever callers and origins do. */
const FAULTS = /"event":"(?:ledger_fault|capture_incomplete|void_incomplete|alarm_not_set)"|"code":"internal_error"/;

/** Process groups that a failed run may have left behind. */
const groups = new Set<number>();

export function killLeftovers(): void {
  for (const group of groups) killGroup(group);
}

function killGroup(group: number): void {
  groups.delete(group);
  signalGroup(group, "SIGKILL");
}

function signalGroup(group: number, signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
  try {
    process.kill(-group, signal);
  } catch (error) {
    // It ended by itself.
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

/** A gate on its way up. */
type Started = {
  readonly listening: Promise<number>;
  readonly exit: Promise<unknown>;
  readonly faults: readonly string[];
  signal(signal: "SIGSTOP" | "SIGCONT"): void;
  kill(): void;
};

function start({ originUrl, scratch, ...gateOptions }: DoomedOptions): Started {
  const options = { ...gateOptions, origin: { url: originUrl, hits: [] } };
  const script = `
    import { startGate } from ${JSON.stringify(join(import.meta.dirname, "../support/gate.ts"))};
    const { port } = await startGate(JSON.parse(process.argv[1]));
    console.log("listening", port);
    setInterval(() => undefined, 60_000);`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script, JSON.stringify(options)], {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, TMPDIR: scratch },
  });
  const { pid } = child;
  if (pid === undefined) throw new Error("the gate could not be started");
  groups.add(pid);
  const listening = Promise.withResolvers<number>();
  // A gate that is killed before it is ready is waited for by nobody.
  listening.promise.catch(() => undefined);
  const faults: string[] = [];
  let said = "";
  const hear = (line: string): void => {
    said = (said + line).slice(-1000);
    const port = /^listening (\d+)/.exec(line)?.[1];
    if (port !== undefined) listening.resolve(Number(port));
    if (FAULTS.test(line)) faults.push(line);
  };
  for (const stream of [child.stdout, child.stderr]) createInterface(stream).on("line", hear);
  child.once("exit", (code, signal) => {
    groups.delete(pid);
    listening.reject(new Error(`the gate ended with ${code ?? signal}: ${said}`));
  });
  return {
    listening: listening.promise,
    exit: once(child, "exit"),
    faults,
    signal(signal) {
      signalGroup(pid, signal);
    },
    kill() {
      killGroup(pid);
    },
  };
}

/** Starts a gate and waits until it listens. */
export async function startDoomed(options: DoomedOptions): Promise<DoomedGate> {
  const started = start(options);
  const timer = setTimeout(() => {
    started.kill();
  }, START_TIMEOUT_MS);
  const port = await started.listening.finally(() => {
    clearTimeout(timer);
  });
  return {
    port,
    faults: started.faults,
    async freeze(ms) {
      started.signal("SIGSTOP");
      await sleep(ms);
      started.signal("SIGCONT");
    },
    async kill() {
      started.kill();
      await started.exit;
      // workerd dies with its group, a moment after the process that started it: two must not share one storage.
      for (let n = 0; await isListening(port); n++) {
        if (n === GONE_CHECKS_MAX) throw new Error(`something still listens on ${port} after the kill`);
        await sleep(20);
      }
    },
  };
}

/** Starts a gate and kills it so long after, ready or not. */
export async function startAndKill(options: DoomedOptions, afterMs: number): Promise<void> {
  const started = start(options);
  await sleep(afterMs);
  started.kill();
  await started.exit;
}

async function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const say = (is: boolean) => (): void => {
      socket.destroy();
      resolve(is);
    };
    socket.once("connect", say(true)).once("error", say(false));
  });
}
